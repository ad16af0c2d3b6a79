#include "fakes.hpp"

#include <algorithm>

#include "tajo/common/random.hpp"

namespace tajo::exec::test {

using data::Batch;
using data::Selection;
using data::Vector;

Value value_at(const Vector& v, std::uint32_t row) {
  const std::uint32_t at = v.form == Vector::Form::kConstant ? 0 : row;
  if (!data::row_valid(v.valid, at)) return {};
  switch (v.type) {
    case Physical::kBool: return static_cast<std::int64_t>(v.as<std::uint8_t>()[at]);
    case Physical::kI32: return static_cast<std::int64_t>(v.as<std::int32_t>()[at]);
    case Physical::kI64: return v.as<std::int64_t>()[at];
    case Physical::kI128: return v.as<__int128>()[at];
    case Physical::kF32: return static_cast<double>(v.as<float>()[at]);
    case Physical::kF64: return v.as<double>()[at];
    case Physical::kStr: return std::string(v.as<data::Str>()[at].view());
  }
  return {};
}

void append_rows(const Batch& batch, const Selection& selection, Rows& out) {
  data::Arena arena;
  std::vector<Vector> columns;
  for (const Vector& v : batch.columns) columns.push_back(data::load(v, batch.rows, selection, arena));
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    Row row;
    for (const Vector& v : columns) row.push_back(value_at(v, selection[i]));
    out.push_back(std::move(row));
  }
}

namespace {

template <class T>
void put(void* to, std::uint32_t at, T value) {
  static_cast<T*>(to)[at] = value;
}

void put_value(Physical type, void* to, std::uint32_t at, const Value& value, data::Arena& arena) {
  switch (type) {
    case Physical::kBool: return put(to, at, static_cast<std::uint8_t>(data::integer_value(value)));
    case Physical::kI32: return put(to, at, static_cast<std::int32_t>(data::integer_value(value)));
    case Physical::kI64: return put(to, at, static_cast<std::int64_t>(data::integer_value(value)));
    case Physical::kI128: return put(to, at, data::integer_value(value));
    case Physical::kF32: return put(to, at, static_cast<float>(data::float_value(value)));
    case Physical::kF64: return put(to, at, data::float_value(value));
    case Physical::kStr: return put(to, at, arena.copy(std::get<std::string>(value)));
  }
}

}  // namespace

Batch make_batch(const Rows& rows, std::size_t first, std::size_t count, const std::vector<Physical>& types, bool scattered,
                 data::Arena& arena) {
  Batch out;
  const auto n = static_cast<std::uint32_t>(count);
  const std::uint32_t step = scattered ? 2 : 1;
  out.rows = n * step;
  out.arena = &arena;
  out.selection = {nullptr, n};
  if (scattered) {
    auto* at = arena.array<std::uint16_t>(n);
    for (std::uint32_t i = 0; i < n; ++i) at[i] = static_cast<std::uint16_t>(i * 2 + 1);
    out.selection.rows = at;
  }
  for (std::size_t c = 0; c < types.size(); ++c) {
    Vector v;
    v.type = types[c];
    const std::size_t bytes = out.rows * data::physical_width(types[c]);
    void* to = arena.allocate(bytes + 16, 64);
    std::memset(to, 0, bytes);
    std::uint64_t* valid = nullptr;
    for (std::uint32_t i = 0; i < n; ++i) {
      const Value& value = rows[first + i][c];
      const std::uint32_t at = out.selection[i];
      if (!data::is_null(value)) {
        put_value(types[c], to, at, value, arena);
        continue;
      }
      if (valid == nullptr) {
        valid = data::allocate_valid(arena, out.rows);
        std::memset(valid, 0xFF, (out.rows + 63) / 64 * 8);
      }
      valid[at >> 6] &= ~(std::uint64_t{1} << (at & 63));
    }
    v.data = to;
    v.valid = valid;
    out.columns.push_back(v);
  }
  return out;
}

namespace {

class FakeReader final : public storage::SplitReader {
 public:
  FakeReader(FakeStorage& owner, FakeStorage::Table& table, const std::vector<std::uint32_t>& columns, std::uint32_t fragment)
      : owner_(owner), table_(table), columns_(columns), rows_(table.fragments.at(fragment)), random_(fragment + 1) {}

  bool next(Batch& out) override {
    if (at_ == rows_.size()) return false;
    if (table_.fail_after_batches >= 0 && static_cast<std::int64_t>(owner_.batches_given) >= table_.fail_after_batches)
      throw Error(sqlstate::kIoError, "disk on fire");
    owner_.batches_given.fetch_add(1);
    const bool scattered = random_.chance(0.5);
    const std::size_t most = scattered ? data::kVectorRows / 2 : data::kVectorRows;
    const std::size_t wanted = owner_.batch_rows != 0 ? owner_.batch_rows : 1 + random_.below(random_.chance(0.5) ? most : 20);
    const std::size_t n = std::min({wanted, most, rows_.size() - at_});
    arena_.reset();
    const Batch all = make_batch(rows_, at_, n, table_.types, scattered, arena_);
    out.columns.clear();
    for (const std::uint32_t c : columns_) out.columns.push_back(all.columns[c]);
    if (table_.text_codes)
      for (Vector& v : out.columns)
        if (v.type == Physical::kStr) encode(v, all);
    out.rows = all.rows;
    out.selection = all.selection;
    at_ += n;
    return true;
  }
  std::uint64_t bytes_read() const override { return at_ * 8; }

 private:
  void encode(Vector& v, const Batch& batch) {
    auto* codes = arena_.array<std::uint32_t>(batch.rows);
    std::fill_n(codes, batch.rows, 0U);
    std::vector<data::Str>& values = values_.emplace_back();
    std::map<std::string, std::uint32_t> seen;
    for (std::uint32_t i = 0; i < batch.selection.count; ++i) {
      const std::uint32_t row = batch.selection[i];
      if (!data::row_valid(v.valid, row)) continue;
      const data::Str text = v.as<data::Str>()[row];
      const auto [found, fresh] = seen.emplace(std::string(text.view()), static_cast<std::uint32_t>(values.size()));
      if (fresh) values.push_back(text);
      codes[row] = found->second;
    }
    if (values.empty()) values.emplace_back();
    static std::atomic<std::uint64_t> next_id{1};
    dictionaries_.push_back(std::make_unique<data::Dictionary>());
    dictionaries_.back()->id = next_id.fetch_add(1);
    dictionaries_.back()->values = values;
    v.form = Vector::Form::kCodes;
    v.data = codes;
    v.dictionary = dictionaries_.back().get();
  }

  FakeStorage& owner_;
  FakeStorage::Table& table_;
  const std::vector<std::uint32_t> columns_;
  const Rows& rows_;
  Random random_;
  std::size_t at_ = 0;
  data::Arena arena_;
  std::deque<std::vector<data::Str>> values_;
  std::vector<std::unique_ptr<data::Dictionary>> dictionaries_;
};

class FakeScan final : public storage::Scan {
 public:
  FakeScan(FakeStorage& owner, FakeStorage::Table& table, std::vector<std::uint32_t> columns)
      : owner_(owner), table_(table), columns_(std::move(columns)) {}
  std::unique_ptr<storage::SplitReader> open(const data::Split& split) const override {
    return std::make_unique<FakeReader>(owner_, table_, columns_, split.fragment);
  }

 private:
  FakeStorage& owner_;
  FakeStorage::Table& table_;
  const std::vector<std::uint32_t> columns_;
};

class FakeTaskOutput final : public exchange::TaskOutput {
 public:
  FakeTaskOutput(FakeOutputs& owner, const TaskId& task, std::uint16_t partitions, std::vector<Physical> types)
      : owner_(owner), task_(task), rows_(std::make_shared<FakeOutputs::Sealed>()) {
    rows_->partitions.resize(partitions);
    rows_->types = std::move(types);
  }
  ~FakeTaskOutput() override {
    if (!sealed_) owner_.unsealed_drops.fetch_add(1);
  }
  exchange::Flow append(std::uint16_t partition, const Batch& batch, const Selection& rows, exchange::Waker& waker) override {
    if (owner_.block(waker)) return exchange::Flow::kBlocked;
    const std::lock_guard lock(mutex_);
    append_rows(batch, rows, rows_->partitions.at(partition));
    return exchange::Flow::kMore;
  }
  Sealed seal() override {
    sealed_ = true;
    Sealed out;
    for (const Rows& p : rows_->partitions) out.rows += p.size();
    const std::lock_guard lock(owner_.mutex);
    owner_.sealed[task_] = rows_;
    return out;
  }

 private:
  FakeOutputs& owner_;
  const TaskId task_;
  std::mutex mutex_;
  std::shared_ptr<FakeOutputs::Sealed> rows_;
  bool sealed_ = false;
};

class FakeOutputReader final : public exchange::OutputReader {
 public:
  struct Piece {
    std::shared_ptr<FakeOutputs::Sealed> output;
    const Rows* rows;
    std::size_t at = 0;
  };
  FakeOutputReader(FakeOutputs& owner, std::deque<Piece> pieces, std::optional<TaskId> lost)
      : owner_(owner), pieces_(std::move(pieces)), lost_(lost) {}
  std::unique_ptr<Cursor> cursor() override { return std::make_unique<OneCursor>(*this); }
  std::string waits_for() const override { return {}; }

 private:
  class OneCursor final : public Cursor {
   public:
    explicit OneCursor(FakeOutputReader& reader) : reader_(reader) {}
    exchange::Flow next(Batch& out, exchange::Waker& waker) override {
      if (reader_.owner_.block(waker)) return exchange::Flow::kBlocked;
      const std::lock_guard lock(reader_.mutex_);
      while (!reader_.pieces_.empty() && reader_.pieces_.front().at == reader_.pieces_.front().rows->size()) reader_.pieces_.pop_front();
      if (reader_.pieces_.empty()) {
        if (reader_.lost_) throw exchange::OutputLost(*reader_.lost_);
        return exchange::Flow::kDone;
      }
      Piece& piece = reader_.pieces_.front();
      const std::size_t n = std::min<std::size_t>(piece.rows->size() - piece.at, 7);
      arena_.reset();
      out = make_batch(*piece.rows, piece.at, n, piece.output->types, false, arena_);
      piece.at += n;
      return exchange::Flow::kMore;
    }

   private:
    FakeOutputReader& reader_;
    data::Arena arena_;
  };
  FakeOutputs& owner_;
  std::mutex mutex_;
  std::deque<Piece> pieces_;
  const std::optional<TaskId> lost_;
};

}  // namespace

std::shared_ptr<const storage::Scan> FakeStorage::scan(storage::ScanRequest request) {
  return std::make_shared<FakeScan>(*this, tables.at(request.source.location), request.columns);
}

FakeOutputs::FakeOutputs() : thread_([this] {
  std::unique_lock lock(mutex);
  for (;;) {
    ready_.wait(lock, [this] { return stopping_ || !wakers_.empty(); });
    if (stopping_) return;
    exchange::Waker* waker = wakers_.front();
    wakers_.pop_front();
    lock.unlock();
    waker->wake();
    waker->wake();
    lock.lock();
  }
}) {}

FakeOutputs::~FakeOutputs() {
  {
    const std::lock_guard lock(mutex);
    stopping_ = true;
  }
  ready_.notify_all();
  thread_.join();
}

bool FakeOutputs::block(exchange::Waker& waker) {
  const int every = block_every.load();
  if (every == 0 || calls_.fetch_add(1) % every != 0) return false;
  {
    const std::lock_guard lock(mutex);
    wakers_.push_back(&waker);
  }
  ready_.notify_one();
  return true;
}

std::unique_ptr<exchange::TaskOutput> FakeOutputs::create(const TaskId& task, std::uint16_t partitions, std::vector<Physical> columns, bool) {
  return std::make_unique<FakeTaskOutput>(*this, task, partitions, std::move(columns));
}

std::unique_ptr<exchange::OutputReader> FakeOutputs::read(std::vector<exchange::OutputSource> sources, std::uint16_t partition) {
  std::deque<FakeOutputReader::Piece> pieces;
  std::optional<TaskId> gone;
  const std::lock_guard lock(mutex);
  for (const exchange::OutputSource& source : sources) {
    if (lost && *lost == source.task) {
      gone = source.task;
      continue;
    }
    const auto& output = sealed.at(source.task);
    pieces.push_back({output, &output->partitions.at(partition), 0});
  }
  return std::make_unique<FakeOutputReader>(*this, std::move(pieces), gone);
}

}  // namespace tajo::exec::test
