#include "hdf5/heap_texts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io_error.hpp"

namespace tajo::storage::hdf5 {

std::unique_ptr<HeapTexts> HeapTexts::open(hid_t file, hid_t dataset, const std::string& path, std::uint64_t rows) {
  Id create = checked(H5Dget_create_plist(dataset), H5Pclose, path);
  if (H5Pget_layout(create) != H5D_CONTIGUOUS || H5Pget_external_count(create) > 0) return nullptr;
  if (rows == 0 || H5Dget_storage_size(dataset) != rows * kReferenceBytes) return nullptr;
  haddr_t offset = H5Dget_offset(dataset);
  if (offset == HADDR_UNDEF) return nullptr;
  Id file_create = checked(H5Fget_create_plist(file), H5Pclose, path);
  std::size_t address_bytes = 0;
  std::size_t length_bytes = 0;
  hsize_t user_block = 0;
  if (H5Pget_sizes(file_create, &address_bytes, &length_bytes) < 0 || address_bytes != 8 || length_bytes != 8 ||
      H5Pget_userblock(file_create, &user_block) < 0)
    return nullptr;
  std::unique_ptr<HeapTexts> t(new HeapTexts);
  t->path_ = path;
  t->base_ = user_block;
  t->offset_ = offset;  // H5Dget_offset counts from the start of the file
  t->fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (t->fd_ < 0) throw io_error("open", path, errno);
  struct stat status {};
  if (fstat(t->fd_, &status) != 0) throw io_error("stat", path, errno);
  t->file_bytes_ = static_cast<std::uint64_t>(status.st_size);
  return t;
}

HeapTexts::~HeapTexts() {
  if (fd_ >= 0) ::close(fd_);
}

Bytes HeapTexts::read(std::uint64_t offset, std::size_t bytes) const {
  if (offset > file_bytes_ || bytes > file_bytes_ - offset)
    throw corrupt(path_, "strings at byte " + std::to_string(offset) + " lie behind its end");
  Bytes out(bytes);
  std::size_t done = 0;
  while (done < bytes) {
    ssize_t n = pread(fd_, out.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw io_error("read", path_, errno);
    if (n == 0) throw corrupt(path_, "it ends at byte " + std::to_string(offset + done));
    done += static_cast<std::size_t>(n);
  }
  return out;
}

void HeapTexts::read_references(std::uint64_t first, std::uint32_t rows) {
  references_ = read(offset_ + first * kReferenceBytes, rows * kReferenceBytes);
}

std::string_view HeapTexts::text(std::uint32_t i) {
  ByteReader in(ByteView(references_).subspan(i * kReferenceBytes, kReferenceBytes));
  auto length = in.get<std::uint32_t>();
  auto address = in.get<std::uint64_t>();
  auto index = in.get<std::uint32_t>();
  if (length == 0 || address == 0 || address == HADDR_UNDEF) return {};
  const Heap& h = heap(address);
  auto object = h.objects.find(index);
  if (object == h.objects.end() || object->second.size() < length)
    throw corrupt(path_, "a string is not in the heap at byte " + std::to_string(base_ + address));
  std::string_view s = as_text(object->second.first(length));
  return s.substr(0, s.find('\0'));
}

const HeapTexts::Heap& HeapTexts::heap(std::uint64_t address) {
  auto known = heaps_.find(address);
  if (known != heaps_.end()) return known->second;
  if (heap_bytes_ > kMaxHeapBytes) {
    heaps_.clear();
    heap_bytes_ = 0;
  }
  // HDF5 file format, III.E Global Heap: "GCOL", version 1, 3 unused bytes, u64 size of the whole; objects of
  // u16 index, u16 references, 4 unused bytes, u64 size, bytes padded to 8. Index 0 is free space.
  constexpr std::size_t kHeader = 16;
  if (address > file_bytes_) throw corrupt(path_, "a heap of strings lies behind its end");
  Bytes header = read(base_ + address, kHeader);
  ByteReader in(header);
  bool magic = as_text(in.raw(4)) == "GCOL" && in.get<std::uint8_t>() == 1;
  in.raw(3);
  auto size = in.get<std::uint64_t>();
  if (!magic || size < kHeader || size > kMaxOneHeap)
    throw corrupt(path_, "the heap of strings at byte " + std::to_string(base_ + address));
  Heap h;
  h.bytes = read(base_ + address, static_cast<std::size_t>(size));
  ByteView rest = ByteView(h.bytes).subspan(kHeader);
  while (rest.size() >= kHeader) {
    ByteReader object(rest);
    auto index = object.get<std::uint16_t>();
    object.raw(6);
    auto bytes = object.get<std::uint64_t>();
    if (index == 0) break;
    if (bytes > rest.size() - kHeader)
      throw corrupt(path_, "the heap of strings at byte " + std::to_string(base_ + address));
    h.objects[index] = rest.subspan(kHeader, static_cast<std::size_t>(bytes));
    std::uint64_t padded = kHeader + (bytes + 7) / 8 * 8;
    rest = padded < rest.size() ? rest.subspan(static_cast<std::size_t>(padded)) : ByteView{};
  }
  heap_bytes_ += h.bytes.size();
  return heaps_.emplace(address, std::move(h)).first->second;
}

}  // namespace tajo::storage::hdf5
