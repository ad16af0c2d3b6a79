#pragma once
#include <functional>
#include <string>

#include "tajo/journal/record.hpp"

namespace tajo::host {

/// The record an active commits before it leaves in good order. When it is in the last slot of a log, the cluster of that
/// log has ended, and another may start at once. `everybody`: all ranks of the launch are to end as well.
struct LastWords {
  std::string launch;
  bool everybody = false;
};
Bytes encode(const LastWords& words);
LastWords decode_last_words(ByteView bytes);

/// Hears the last words of this launch; has no state. Control thread.
class LastWordsListener final : public journal::StateMachine {
 public:
  LastWordsListener(std::string launch, std::function<void(bool everybody)> on_end) : launch_(std::move(launch)), on_end_(std::move(on_end)) {}
  void apply(const journal::Record& record) override;
  Bytes snapshot() const override { return {}; }
  void restore(ByteView) override {}

 private:
  std::string launch_;
  std::function<void(bool)> on_end_;
};

}  // namespace tajo::host
