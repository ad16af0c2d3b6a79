#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::journal {

using Lsn = std::uint64_t;

/// Which state machine a record belongs to. The log itself only looks at kClose and kSnapshot, cluster at kClaim and
/// kView.
enum class RecordKind : std::uint8_t {
  kClaim = 1,
  kView = 2,
  kCatalog = 3,
  kSession = 4,
  kQuery = 5,
  kRequest = 6,
  kEmpty = 7,
  kClose = 8,     ///< the log's own: the closing slot of a row
  kSnapshot = 9,  ///< the log's own: first record of a row
  kLastWords = 10,  ///< of an active that leaves in good order (host)
};

/// How long a proposer waits: a commit is acknowledged by a slot; state rides with the next slot within 100 ms.
enum class Durability : std::uint8_t { kCommit, kState };

struct Record {
  Lsn lsn = 0;
  Epoch epoch = 0;
  RecordKind kind = RecordKind::kEmpty;
  Bytes payload;  ///< the owner's encoding (cereal in *_records.cpp)
};

/// State that is a function of the log's prefix: catalog, sessions, queries. Deterministic; one owner thread.
/// Several records may form one atomic proposal: they are applied one after another with nothing in between.
class StateMachine {
 public:
  virtual ~StateMachine() = default;
  virtual void apply(const Record& record) = 0;
  virtual Bytes snapshot() const = 0;
  /// Replaces everything; an empty snapshot is the state before the first record.
  virtual void restore(ByteView snapshot) = 0;
};

}  // namespace tajo::journal
