#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "tajo/common/clock.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::master {

/// Every master says this often which sessions have a connection to it …
inline constexpr Micros kHoldPeriodUs = 5'000'000;
/// … and is believed this long: a master that died holds nothing any more.
inline constexpr Micros kHeldUs = 3 * kHoldPeriodUs;

/// Which masters have a connection to which session, as the active was told in its epoch; nothing of it is in the log. A
/// session nobody holds may be taken up again until it has been alone for long enough. Time is an argument
/// (boottime_us). Any thread.
class SessionHolders {
 public:
  /// An epoch begins: whoever held what before says so again, and nobody's time alone counts from before.
  void begin(Micros now);
  /// A client came to it, or came back: the newest holder.
  void take(Rank master, const std::string& session, Micros now);
  void hold(Rank master, std::span<const std::string> sessions, Micros now);
  void leave(Rank master, const std::string& session, Micros now);
  /// A client used it that has no connection: its time alone counts from here.
  void visit(const std::string& session, Micros now);
  void closed(const std::string& session);
  /// Its client said goodbye to that master. True: nobody else holds it, it ends. Else it ends with the last who holds
  /// it if the client was at that master last: where it was before may notice late that it has gone.
  bool goodbye(Rank master, const std::string& session, Micros now);
  /// Whether another master than `but` has a connection to it.
  bool held(const std::string& session, Rank but, Micros now) const;
  /// Of the sessions that there are: those that nobody has held for `kept_us`, or since their client said goodbye.
  /// Forgets those that are not there any more.
  std::set<std::string> expired(const std::set<std::string>& sessions, Micros kept_us, Micros now);
  /// The one that has been alone longest; nullopt: all are held.
  std::optional<std::string> longest_alone(const std::set<std::string>& sessions, Micros now) const;

 private:
  struct Holding {
    std::map<Rank, Micros> told;  ///< when each master last said that it holds it
    Rank newest = kNoRank;        ///< where its client came to last
    bool goodbye = false;         ///< and said goodbye
    Micros left = 0;              ///< when the last connection that is known to have ended did
  };
  Micros alone_since(const std::string& session) const;  ///< under mutex_
  bool alone(const std::string& session, Micros now) const;  ///< under mutex_
  bool said_goodbye(const std::string& session) const;       ///< under mutex_

  mutable std::mutex mutex_;
  std::map<std::string, Holding> holdings_;
  Micros began_ = 0;
};

}  // namespace tajo::master
