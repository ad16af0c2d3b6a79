#include "shared_segments.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace tajo::host {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBytes = 4096;

struct SharedSegments : ::testing::Test {
  SharedSegments() {
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    path = std::string("/dev/shm/sm_segment.") + host + "." + std::to_string(::getuid()) + ".unit-host." + std::to_string(::getpid());
    fd = ::open(path.c_str(), O_CREAT | O_RDWR, 0600);
    EXPECT_EQ(::ftruncate(fd, kBytes), 0);
  }
  ~SharedSegments() override {
    close();
    ::unlink(path.c_str());
  }
  void close() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  bool is_without_user() const { return segments_without_user(start).contains(path); }

  const fs::file_time_type start = fs::file_time_type::clock::now() - std::chrono::seconds(1);
  std::string path;
  int fd = -1;
};

TEST_F(SharedSegments, OneThatIsOpenHasAUser) {
  EXPECT_FALSE(is_without_user());
  close();
  EXPECT_TRUE(is_without_user());
}

TEST_F(SharedSegments, OneThatIsMappedHasAUser) {
  void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ASSERT_NE(at, MAP_FAILED);
  close();
  EXPECT_FALSE(is_without_user());
  EXPECT_TRUE(segments_of("self").contains(path));
  ::munmap(at, kBytes);
  EXPECT_TRUE(is_without_user());
}

TEST_F(SharedSegments, AnOlderOneIsNotOfThisStart) {
  close();
  fs::last_write_time(path, start - std::chrono::hours(1));
  EXPECT_FALSE(is_without_user());
}

TEST_F(SharedSegments, AnotherHostsOrUsersIsLeftAlone) {
  const std::string other = "/dev/shm/sm_segment.another-host.0.unit-host." + std::to_string(::getpid());
  std::ofstream(other) << "x";
  EXPECT_FALSE(segments_without_user(start).contains(other));
  ::unlink(other.c_str());
}

}  // namespace
}  // namespace tajo::host
