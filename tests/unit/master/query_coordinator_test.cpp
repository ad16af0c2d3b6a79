#include "tajo/master/query_coordinator.hpp"

#include <gtest/gtest.h>

namespace tajo::master {
namespace {

constexpr Rank kMaster = 0, kWorker = 1;
constexpr QueryId kQuery{1'700'000'000'000, 1};

class GrantPort final : public protocol::ControlPort {
 public:
  Rank self() const override { return kMaster; }
  void send(Rank to, Bytes message) override {
    if (static_cast<protocol::Tag>(message[0]) == protocol::Tag::kStartQuery) granted.push_back(to);
  }
  std::vector<Rank> granted;
};

class QueryCoordinatorTest : public testing::Test {
 protected:
  QueryCoordinatorTest() {
    cluster::View view;
    view.number = 1;
    view.epoch = 1;
    view.members[kMaster] = {cluster::Role::kActive, 1};
    view.members[kWorker] = {cluster::Role::kWorker, 1};
    coordinator.on_active(1, 0);
    coordinator.on_view(view, 0);
    QueryJob job;
    job.id = kQuery;
    job.submitted_epoch = 1;
    job.done = [this](protocol::QueryDone) { ++ended; };
    coordinator.submit(std::move(job), 0);
  }
  void heartbeats(int count, bool with_query) {
    protocol::Heartbeat h;
    if (with_query) h.queries.push_back({.query = kQuery});
    for (int i = 0; i < count; ++i) coordinator.on_heartbeat(kWorker, h);
  }
  GrantPort port;
  QueryCoordinator coordinator{port};
  int ended = 0;
};

TEST_F(QueryCoordinatorTest, AQueryThatItsQueryMasterDoesNotNameIsGrantedAgain) {
  ASSERT_EQ(port.granted, std::vector<Rank>{kWorker});
  heartbeats(kUnheardHeartbeats - 1, false);
  EXPECT_EQ(port.granted.size(), 1u);
  heartbeats(1, false);
  EXPECT_EQ(port.granted.size(), 2u);
}

TEST_F(QueryCoordinatorTest, AQueryThatIsNamedIsNot) {
  for (int i = 0; i < 4; ++i) {
    heartbeats(1, true);
    heartbeats(kUnheardHeartbeats - 1, false);
  }
  EXPECT_EQ(port.granted.size(), 1u);
}

}  // namespace
}  // namespace tajo::master
