#include "tajo/exchange/output.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "fake_fabric.hpp"
#include "tajo/data/batch_codec.hpp"
#include "tajo/exchange/spill_file.hpp"

namespace tajo::exchange {
namespace {

using data::Batch;
using data::Physical;

class TestWaker : public Waker {
 public:
  void wake() override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [this] { return woken_; })) << "nobody wakes";
    woken_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

const std::vector<Physical> kColumns{Physical::kI64, Physical::kStr};

/// Rows [first, first + count): the number and a text that tells it.
struct Rows {
  Rows(std::int64_t first, std::uint32_t count, std::size_t text_bytes = 20) {
    for (std::uint32_t i = 0; i < count; ++i) {
      numbers.push_back(first + i);
      texts.push_back("row " + std::to_string(first + i) + std::string(text_bytes, static_cast<char>('a' + (first + i) % 7)) +
                      std::to_string((first + i) * 2654435761));
    }
    for (const auto& t : texts) strings.emplace_back(t);
    batch.rows = count;
    batch.selection = {nullptr, count};
    batch.columns.resize(2);
    batch.columns[0].type = Physical::kI64;
    batch.columns[0].data = numbers.data();
    batch.columns[1].type = Physical::kStr;
    batch.columns[1].data = strings.data();
  }
  std::vector<std::int64_t> numbers;
  std::vector<std::string> texts;
  std::vector<data::Str> strings;
  Batch batch;
};

TaskId task(std::uint32_t number, std::uint16_t stage = 1) { return {{1700000000000, 7}, stage, 0, number}; }

void append(TaskOutput& out, std::uint16_t partition, std::int64_t first, std::uint32_t rows, std::size_t text_bytes = 20) {
  TestWaker waker;
  while (rows > 0) {
    const std::uint32_t n = std::min(rows, data::kVectorRows);
    Rows r(first, n, text_bytes);
    while (out.append(partition, r.batch, r.batch.selection, waker) == Flow::kBlocked) waker.wait();
    first += n;
    rows -= n;
  }
}

std::vector<std::int64_t> drain(OutputReader::Cursor& cursor) {
  std::vector<std::int64_t> out;
  TestWaker waker;
  Batch batch;
  while (true) {
    const Flow flow = cursor.next(batch, waker);
    if (flow == Flow::kDone) return out;
    if (flow == Flow::kBlocked) {
      waker.wait();
      if (testing::Test::HasFatalFailure()) return out;
      continue;
    }
    for (std::uint32_t i = 0; i < batch.selection.count; ++i) {
      const std::uint32_t row = batch.selection[i];
      out.push_back(batch.columns[0].as<std::int64_t>()[row]);
      const auto text = batch.columns[1].as<data::Str>()[row].view();
      EXPECT_TRUE(text.starts_with("row " + std::to_string(out.back())));
    }
  }
}

std::vector<std::int64_t> range(std::int64_t first, std::int64_t end) {
  std::vector<std::int64_t> out;
  for (; first < end; ++first) out.push_back(first);
  return out;
}

OutputStoreConfig with_window(std::size_t bytes) {
  OutputStoreConfig c;
  c.pull_window_bytes = bytes;
  return c;
}
OutputStoreConfig with_memory(std::size_t bytes) {
  OutputStoreConfig c;
  c.memory_bytes = bytes;
  return c;
}

class Output : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/tajo-exchange-test-XXXXXX";
    tmpdir = ::mkdtemp(name.data());
  }
  void TearDown() override {
    stores.clear();
    std::filesystem::remove_all(tmpdir);
  }
  void make(OutputStoreConfig config = OutputStoreConfig()) {
    config.tmpdirs = {tmpdir};
    for (auto& p : network.ports) stores.push_back(OutputStore::make(*p, config));
  }
  std::string tmpdir;
  FakeNetwork network{3};
  std::vector<std::unique_ptr<OutputStore>> stores;
};

TEST_F(Output, LocalPartitionsComeBackInOrder) {
  make();
  auto out = stores[0]->create(task(1), 2, kColumns, true);
  append(*out, 0, 0, 100'000);
  append(*out, 1, 500'000, 10);
  const auto sealed = out->seal();
  EXPECT_EQ(sealed.rows, 100'010U);
  EXPECT_EQ(sealed.partition_bytes.size(), 2U);
  EXPECT_FALSE(sealed.inline_output);
  EXPECT_EQ(drain(*stores[0]->read({{0, task(1), nullptr}}, 0)->cursor()), range(0, 100'000));
  EXPECT_EQ(drain(*stores[0]->read({{0, task(1), nullptr}}, 1)->cursor()), range(500'000, 500'010));
  EXPECT_GT(stores[0]->blocks(task(1), 0).size(), 3U);
  EXPECT_EQ(network.sent_bytes, 0U);
}

TEST_F(Output, SmallOutputsTravelInline) {
  make();
  auto out = stores[0]->create(task(1), 3, kColumns, false);
  append(*out, 0, 0, 100);
  append(*out, 2, 1000, 50);
  const auto sealed = out->seal();
  ASSERT_TRUE(sealed.inline_output);
  EXPECT_LE(sealed.inline_output->size(), 2 * kMaxInlineBytes);
  // Rank 1 never asks rank 0 for it.
  EXPECT_EQ(drain(*stores[1]->read({{0, task(1), sealed.inline_output}}, 0)->cursor()), range(0, 100));
  EXPECT_TRUE(drain(*stores[1]->read({{0, task(1), sealed.inline_output}}, 1)->cursor()).empty());
  EXPECT_EQ(drain(*stores[1]->read({{0, task(1), sealed.inline_output}}, 2)->cursor()), range(1000, 1050));
  EXPECT_EQ(network.sent_bytes, 0U);
  auto damaged = std::make_shared<Bytes>(sealed.inline_output->begin(), sealed.inline_output->begin() + 100);
  EXPECT_THROW(stores[1]->read({{0, task(1), damaged}}, 2), Error);
}

TEST_F(Output, RemoteSourcesComeInOrderForOneCursor) {
  make(with_window(std::size_t{2} << 20));
  std::vector<OutputSource> sources;
  for (std::uint32_t t = 0; t < 20; ++t) {
    const Rank at = static_cast<Rank>(t % 3);
    auto out = stores[static_cast<std::size_t>(at)]->create(task(t), 2, kColumns, true);
    if (t != 5) append(*out, 1, t * 20'000, 20'000);
    out->seal();
    sources.push_back({at, task(t), nullptr});
  }
  std::vector<std::int64_t> expected;
  for (int t = 0; t < 20; ++t)
    for (int i = 0; i < 20'000 && t != 5; ++i) expected.push_back(t * 20'000 + i);
  auto reader = stores[0]->read(sources, 1);
  EXPECT_EQ(drain(*reader->cursor()), expected);
  EXPECT_TRUE(drain(*stores[0]->read(sources, 0)->cursor()).empty());
}

TEST_F(Output, EveryBlockGoesToExactlyOneOfSeveralThreads) {
  make();
  std::vector<OutputSource> sources;
  for (std::uint32_t t = 0; t < 3; ++t) {
    auto out = stores[t]->create(task(t), 1, kColumns, false);
    std::vector<std::thread> producers;
    for (int p = 0; p < 3; ++p)
      producers.emplace_back([&, p] { append(*out, 0, (t * 3 + p) * 30'000, 30'000); });
    for (auto& p : producers) p.join();
    EXPECT_EQ(out->seal().rows, 90'000U);
    sources.push_back({static_cast<Rank>(t), task(t), nullptr});
  }
  auto reader = stores[1]->read(sources, 0);
  std::vector<std::vector<std::int64_t>> got(4);
  std::vector<std::unique_ptr<OutputReader::Cursor>> cursors;
  for (std::size_t i = 0; i < got.size(); ++i) cursors.push_back(reader->cursor());
  std::vector<std::thread> consumers;
  for (std::size_t i = 0; i < got.size(); ++i) consumers.emplace_back([&, i] { got[i] = drain(*cursors[i]); });
  for (auto& c : consumers) c.join();
  std::vector<std::int64_t> all;
  for (const auto& g : got) all.insert(all.end(), g.begin(), g.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, range(0, 270'000));
}

TEST_F(Output, PullsStayWithinTheWindow) {
  make(with_window(std::size_t{2} << 20));
  auto out = stores[0]->create(task(1), 1, kColumns, true);
  append(*out, 0, 0, 400'000, 60);
  EXPECT_GT(out->seal().partition_bytes[0], std::size_t{16} << 20);
  auto reader = stores[1]->read({{0, task(1), nullptr}}, 0);
  auto cursor = reader->cursor();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LE(network.sent_bytes, std::size_t{2} << 20);  // nobody takes: the producer stops
  EXPECT_EQ(drain(*cursor), range(0, 400'000));
}

TEST_F(Output, AFullFabricOnlyDelays) {
  network.queue_bound = 300'000;
  network.clog(1);
  make();
  auto out = stores[0]->create(task(1), 1, kColumns, true);
  append(*out, 0, 0, 100'000);
  out->seal();
  EXPECT_EQ(drain(*stores[1]->read({{0, task(1), nullptr}}, 0)->cursor()), range(0, 100'000));
  EXPECT_GT(network.refusals, 0);
}

TEST_F(Output, OverTheBoundBlocksAreSpilledAndReadBack) {
  make(with_memory(std::size_t{1} << 20));
  auto out = stores[0]->create(task(1), 4, kColumns, true);
  for (std::uint16_t p = 0; p < 4; ++p) append(*out, p, p * 100'000, 100'000, 60);
  const auto sealed = out->seal();
  EXPECT_GT(sealed.partition_bytes[0], std::size_t{4} << 20);
  for (int i = 0; i < 500 && stores[0]->memory_bytes() > (std::size_t{1} << 20); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LE(stores[0]->memory_bytes(), std::size_t{1} << 20);
  EXPECT_TRUE(std::filesystem::is_empty(tmpdir));  // nothing to clean up after kill -9
  EXPECT_EQ(drain(*stores[0]->read({{0, task(1), nullptr}}, 1)->cursor()), range(100'000, 200'000));
  EXPECT_EQ(drain(*stores[2]->read({{0, task(1), nullptr}}, 2)->cursor()), range(200'000, 300'000));
  EXPECT_EQ(drain(*stores[0]->read({{0, task(1), nullptr}}, 0)->cursor()).size(), 100'000U);  // reading again is fine
  std::size_t bytes = 0;
  for (const auto& b : stores[0]->blocks(task(1), 3)) bytes += b->size();
  EXPECT_EQ(bytes, sealed.partition_bytes[3]);
  out.reset();
  stores[0]->drop_query(task(1).query);
  EXPECT_EQ(stores[0]->memory_bytes(), 0U);
}

TEST_F(Output, OutputsGiveWayToOperators) {
  auto operators = std::make_shared<std::atomic<std::size_t>>(0);
  OutputStoreConfig config = with_memory(std::size_t{16} << 20);
  config.operators = operators;
  config.total_bytes = std::size_t{16} << 20;
  make(config);
  auto out = stores[0]->create(task(1), 1, kColumns, true);
  append(*out, 0, 0, 150'000, 60);
  out->seal();
  const std::size_t before = stores[0]->memory_bytes();
  ASSERT_GT(before, std::size_t{5} << 20);
  operators->store(std::size_t{16} << 20);
  stores[0]->give_way();
  for (int i = 0; i < 1000 && stores[0]->memory_bytes() > std::size_t{4} << 20; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(stores[0]->memory_bytes(), std::size_t{4} << 20);
  auto reader = stores[0]->read({{0, task(1), nullptr}}, 0);
  auto cursor = reader->cursor();
  EXPECT_EQ(drain(*cursor).size(), 150'000U);
}

TEST_F(Output, WithoutARoomToSpillTheTaskFails) {
  OutputStoreConfig config;
  config.memory_bytes = std::size_t{1} << 20;
  auto none = OutputStore::make(*network.ports[0], config);
  auto out = none->create(task(1), 1, kColumns, true);
  EXPECT_THROW(append(*out, 0, 0, 100'000, 60), Error);
  out.reset();
  config.tmpdirs = {tmpdir + "/absent"};
  none.reset();
  none = OutputStore::make(*network.ports[0], config);
  out = none->create(task(1), 1, kColumns, true);
  try {
    append(*out, 0, 0, 100'000, 60);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.sqlstate(), sqlstate::kIoError);
    EXPECT_NE(std::string(e.what()).find("absent"), std::string::npos);
  }
  out.reset();
}

TEST_F(Output, UnknownAndDroppedOutputsAreLost) {
  make();
  auto out = stores[0]->create(task(1), 1, kColumns, true);
  append(*out, 0, 0, 100'000);
  out->seal();
  auto later = stores[0]->create(task(2, 2), 1, kColumns, true);
  append(*later, 0, 0, 100'000);
  later->seal();
  EXPECT_THROW(drain(*stores[1]->read({{0, task(9), nullptr}}, 0)->cursor()), OutputLost);
  EXPECT_THROW(drain(*stores[0]->read({{0, task(9), nullptr}}, 0)->cursor()), OutputLost);
  stores[0]->drop_stage(task(1).query, 1);
  EXPECT_THROW(drain(*stores[1]->read({{0, task(1), nullptr}}, 0)->cursor()), OutputLost);
  EXPECT_EQ(drain(*stores[1]->read({{0, task(2, 2), nullptr}}, 0)->cursor()).size(), 100'000U);
  EXPECT_THROW(stores[0]->blocks(task(1), 0), OutputLost);
}

TEST_F(Output, AnUnsealedOutputIsInvisibleAndLeavesNothing) {
  make();
  auto out = stores[0]->create(task(1), 1, kColumns, true);
  append(*out, 0, 0, 100'000);
  EXPECT_GT(stores[0]->memory_bytes(), 0U);
  EXPECT_THROW(drain(*stores[0]->read({{0, task(1), nullptr}}, 0)->cursor()), OutputLost);
  out.reset();
  EXPECT_EQ(stores[0]->memory_bytes(), 0U);
}

TEST_F(Output, ALostPeerWakesItsReadersAndOnlyThose) {
  make(with_window(std::size_t{2} << 20));
  for (std::uint32_t t : {1U, 2U}) {
    auto out = stores[t]->create(task(t), 1, kColumns, true);
    append(*out, 0, 0, 300'000, 60);
    out->seal();
  }
  auto from1 = stores[0]->read({{1, task(1), nullptr}}, 0);
  auto from2 = stores[0]->read({{2, task(2), nullptr}}, 0);
  auto cursor1 = from1->cursor();
  auto cursor2 = from2->cursor();
  TestWaker waker;
  Batch batch;
  while (cursor1->next(batch, waker) == Flow::kBlocked) waker.wait();
  network.cut(1);
  std::thread loses([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stores[0]->peer_lost(1);
  });
  try {
    drain(*cursor1);
    ADD_FAILURE() << "the peer is gone";
  } catch (const OutputLost& e) {
    EXPECT_EQ(e.task(), task(1));
  }
  loses.join();
  EXPECT_EQ(drain(*cursor2).size(), 300'000U);
}

TEST_F(Output, NothingIsPulledFromARankOutsideTheView) {
  make();
  auto out = stores[1]->create(task(1), 1, kColumns, true);
  append(*out, 0, 0, 100'000, 60);
  out->seal();
  stores[0]->peer_lost(1);
  {
    // It lives and would answer; the reader does not ask it, and learns at once that nothing will come.
    auto reader = stores[0]->read({{1, task(1), nullptr}}, 0);
    auto cursor = reader->cursor();
    TestWaker waker;
    Batch batch;
    EXPECT_THROW(static_cast<void>(cursor->next(batch, waker)), OutputLost);
    EXPECT_EQ(network.sent_bytes, 0U);
  }
  stores[0]->peer_back(1);
  auto reader = stores[0]->read({{1, task(1), nullptr}}, 0);
  auto cursor = reader->cursor();
  EXPECT_EQ(drain(*cursor).size(), 100'000U);
}

TEST_F(Output, SpillFilesOfKilledProcessesAreRemoved) {
  const auto file = [&](const std::string& name) {
    std::ofstream(tmpdir + "/" + name).put('x');
    return tmpdir + "/" + name;
  };
  const std::string left = file(std::string(kSpillPrefix) + "Ab12_z"), others = file("tajo-spill-report.csv"), foreign = file("data");
  std::filesystem::create_directory(tmpdir + "/" + kSpillPrefix + "folder");
  EXPECT_EQ(remove_left_spill_files(tmpdir), 1U);
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(others) && std::filesystem::exists(foreign));
  EXPECT_EQ(remove_left_spill_files(tmpdir + "/absent"), 0U);
}

TEST_F(Output, AClosedReaderStopsItsProducers) {
  make(with_window(std::size_t{2} << 20));
  auto out = stores[0]->create(task(1), 1, kColumns, true);
  append(*out, 0, 0, 300'000, 60);
  out->seal();
  {
    auto reader = stores[1]->read({{0, task(1), nullptr}}, 0);
    TestWaker waker;
    Batch batch;
    auto cursor = reader->cursor();
    while (cursor->next(batch, waker) == Flow::kBlocked) waker.wait();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const std::size_t sent = network.sent_bytes;
  EXPECT_LE(sent, std::size_t{4} << 20);
  EXPECT_EQ(drain(*stores[1]->read({{0, task(1), nullptr}}, 0)->cursor()).size(), 300'000U);
}

}  // namespace
}  // namespace tajo::exchange
