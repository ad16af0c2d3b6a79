#include "hdf5/memory_driver.hpp"

#include <algorithm>
#include <cstring>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

namespace tajo::storage::hdf5 {
namespace {

struct MemoryFile {
  H5FD_t base;  // first: the library sees only this
  FileImage* image;
  haddr_t end_of_addresses;
  haddr_t end_of_file;
};

struct AccessInfo {
  FileImage* image;
};

MemoryFile* as_memory(H5FD_t* file) { return reinterpret_cast<MemoryFile*>(file); }
const MemoryFile* as_memory(const H5FD_t* file) { return reinterpret_cast<const MemoryFile*>(file); }

H5FD_t* open_image(const char*, unsigned, hid_t access, haddr_t) {
  const auto* info = static_cast<const AccessInfo*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  auto* file = new MemoryFile{};
  file->image = info->image;
  return &file->base;
}

herr_t close_image(H5FD_t* file) {
  MemoryFile* f = as_memory(file);
  f->image->end = std::max(f->end_of_addresses, f->end_of_file);
  delete f;
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  if (flags != nullptr) *flags = H5FD_FEAT_AGGREGATE_METADATA;
  return 0;
}

haddr_t get_end_of_addresses(const H5FD_t* file, H5FD_mem_t) { return as_memory(file)->end_of_addresses; }

herr_t set_end_of_addresses(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  as_memory(file)->end_of_addresses = address;
  return 0;
}

haddr_t get_end_of_file(const H5FD_t* file, H5FD_mem_t) { return as_memory(file)->end_of_file; }

template <class F>
void for_pages(haddr_t address, size_t size, F&& f) {
  std::size_t done = 0;
  while (done < size) {
    std::uint64_t page = (address + done) / FileImage::kPage;
    std::size_t at = (address + done) % FileImage::kPage;
    std::size_t n = std::min<std::size_t>(size - done, FileImage::kPage - at);
    f(page, at, done, n);
    done += n;
  }
}

herr_t read_image(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  const FileImage& image = *as_memory(file)->image;
  for_pages(address, size, [&](std::uint64_t page, std::size_t at, std::size_t done, std::size_t n) {
    auto it = image.pages.find(page);
    auto* out = static_cast<std::byte*>(buffer) + done;
    if (it == image.pages.end()) {
      std::memset(out, 0, n);
    } else {
      std::memcpy(out, it->second.data() + at, n);
    }
  });
  return 0;
}

herr_t write_image(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* buffer) {
  MemoryFile* f = as_memory(file);
  for_pages(address, size, [&](std::uint64_t page, std::size_t at, std::size_t done, std::size_t n) {
    std::memcpy(f->image->pages[page].data() + at, static_cast<const std::byte*>(buffer) + done, n);
  });
  f->end_of_file = std::max<haddr_t>(f->end_of_file, address + size);
  return 0;
}

herr_t truncate_image(H5FD_t* file, hid_t, hbool_t) {
  MemoryFile* f = as_memory(file);
  f->end_of_file = std::max(f->end_of_file, f->end_of_addresses);
  return 0;
}

hid_t register_driver() {
  static H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(600);  // of the range for unregistered drivers
#endif
  driver.name = "tajo_memory";
  driver.maxaddr = (haddr_t{1} << 62) - 1;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(AccessInfo);
  driver.open = open_image;
  driver.close = close_image;
  driver.query = query;
  driver.get_eoa = get_end_of_addresses;
  driver.set_eoa = set_end_of_addresses;
  driver.get_eof = get_end_of_file;
  driver.read = read_image;
  driver.write = write_image;
  driver.truncate = truncate_image;
  const H5FD_mem_t map[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(map), std::end(map), std::begin(driver.fl_map));
  return H5FDregister(&driver);
}

}  // namespace

hid_t make_memory_access(FileImage* image) {
  static const hid_t kDriver = register_driver();
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  AccessInfo info{image};
  if (access < 0 || kDriver < 0 || H5Pset_driver(access, kDriver, &info) < 0) return -1;
  return access;
}

}  // namespace tajo::storage::hdf5
