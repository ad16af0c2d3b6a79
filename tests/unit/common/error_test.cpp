#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "tajo/common/as_error.hpp"

namespace tajo {
namespace {

TEST(AsError, SaysWhatAStatementIsTold) {
  const Error given = Error("53100", "no room").hint("make some");
  EXPECT_EQ(as_error(given).sqlstate(), "53100");
  EXPECT_EQ(as_error(given).hint(), "make some");
  EXPECT_EQ(as_error(std::bad_alloc()).sqlstate(), sqlstate::kOutOfMemory);
  EXPECT_EQ(as_error(std::runtime_error("odd")).sqlstate(), sqlstate::kInternalError);
  EXPECT_EQ(as_error(std::runtime_error("odd")).message(), "odd");
}

}  // namespace
}  // namespace tajo
