#include "tajo/master/admission.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace tajo::master {
namespace {

constexpr Micros kLong = 60'000'000;

void until(const std::function<bool()>& condition) {
  for (int i = 0; i < 5000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(condition());
}

TEST(AdmissionTest, StatementsInsideGoOnAndOthersWaitUntilItIsTakenBack) {
  Admission admission(Runtime::system());
  std::atomic<bool> entered{false};
  std::jthread late;
  {
    const Admission::Ticket first(admission);
    EXPECT_EQ(admission.inside(), 1);
    admission.pause(kLong);
    EXPECT_TRUE(admission.paused());
    late = std::jthread([&] {
      const Admission::Ticket second(admission);
      entered = true;
    });
  }
  until([&] { return admission.inside() == 0; });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_FALSE(entered);
  admission.pause(kLong);  // again: who waits goes on waiting
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_FALSE(entered);
  admission.resume();
  until([&] { return entered.load(); });
  EXPECT_FALSE(admission.paused());
}

TEST(AdmissionTest, APauseEndsByItself) {
  Admission admission(Runtime::system());
  admission.pause(20'000);
  const Admission::Ticket ticket(admission);
  EXPECT_FALSE(admission.paused());
  EXPECT_EQ(admission.inside(), 1);
}

}  // namespace
}  // namespace tajo::master
