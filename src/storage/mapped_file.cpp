#include "mapped_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

#include "io_error.hpp"
#include "tajo/common/failpoint.hpp"

namespace tajo::storage {
namespace {

constexpr std::size_t kMaxMappings = 16384;
constexpr std::uint64_t kIntact = ~std::uint64_t{0};

// What the signal handler may look at: written with size last, read with size first; no locks, no allocation.
struct Slot {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::size_t> size{0};
  std::atomic<std::uint64_t> broken_at{kIntact};
};
std::array<Slot, kMaxMappings> slots;
std::atomic<std::size_t> slots_used{0};
std::mutex slots_mutex;
struct sigaction previous_action;
std::uintptr_t page_bytes = 4096;

void on_sigbus(int number, siginfo_t* info, void* context) {
  int saved = errno;
  auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  std::size_t used = slots_used.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < used; ++i) {
    std::size_t size = slots[i].size.load(std::memory_order_acquire);
    std::uintptr_t begin = slots[i].begin.load(std::memory_order_acquire);
    if (size == 0 || address < begin || address >= begin + size) continue;
    std::uintptr_t page = address & ~(page_bytes - 1);
    std::uint64_t offset = page - begin;
    std::uint64_t before = slots[i].broken_at.load();
    while (offset < before && !slots[i].broken_at.compare_exchange_weak(before, offset)) {
    }
    void* zero = mmap(reinterpret_cast<void*>(page), begin + size - page, PROT_READ,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    errno = saved;
    if (zero != MAP_FAILED) return;
    break;
  }
  // Not ours: what stood before us decides; without anything the second fault ends the process as usual.
  if ((previous_action.sa_flags & SA_SIGINFO) != 0 && previous_action.sa_sigaction != nullptr) {
    previous_action.sa_sigaction(number, info, context);
  } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    previous_action.sa_handler(number);
  } else {
    signal(SIGBUS, SIG_DFL);
  }
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous_action);
  });
}

int take_slot(const std::byte* data, std::size_t size) {
  std::lock_guard lock(slots_mutex);
  for (std::size_t i = 0; i < kMaxMappings; ++i) {
    if (slots[i].begin.load(std::memory_order_relaxed) != 0) continue;
    slots[i].broken_at = kIntact;
    slots[i].begin = reinterpret_cast<std::uintptr_t>(data);
    slots[i].size.store(size, std::memory_order_release);
    if (i >= slots_used.load(std::memory_order_relaxed)) slots_used.store(i + 1, std::memory_order_release);
    return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

MappedFile::MappedFile(std::string path, const std::byte* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  install_handler();
  fault_at("files");
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw io_error("open", path, errno);
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    int error_number = errno;
    ::close(fd);
    throw io_error("stat", path, error_number);
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    throw Error(sqlstate::kIoError, "\"" + path + "\" is not a file");
  }
  auto size = static_cast<std::size_t>(status.st_size);
  void* data = nullptr;
  if (size > 0) {
    data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
      int error_number = errno;
      ::close(fd);
      throw io_error("map", path, error_number);
    }
  }
  ::close(fd);
  std::shared_ptr<MappedFile> file(new MappedFile(path, static_cast<const std::byte*>(data), size));
  if (size > 0) {
    file->slot_ = take_slot(file->data_, size);
    if (file->slot_ < 0) throw Error("53000", "more than " + std::to_string(kMaxMappings) + " files are mapped");
  }
  return file;
}

MappedFile::~MappedFile() {
  if (slot_ >= 0) {
    std::lock_guard lock(slots_mutex);
    Slot& slot = slots[static_cast<std::size_t>(slot_)];
    slot.size.store(0, std::memory_order_release);
    munmap(const_cast<std::byte*>(data_), size_);
    slot.begin.store(0, std::memory_order_release);
  } else if (data_ != nullptr) {
    munmap(const_cast<std::byte*>(data_), size_);
  }
}

std::optional<std::uint64_t> MappedFile::broken_at() const {
  if (slot_ < 0) return std::nullopt;
  std::uint64_t offset = slots[static_cast<std::size_t>(slot_)].broken_at.load(std::memory_order_acquire);
  if (offset == kIntact) return std::nullopt;
  return offset;
}

}  // namespace tajo::storage
