#pragma once
#include <string>
#include <vector>

#include "hdf5/memory_driver.hpp"
#include "hdf5/toc.hpp"

namespace tajo::storage::hdf5 {

/// Everything the layout of a managed file depends on: the table of contents without offsets, and per column the
/// names of its dictionary when they can be an HDF5 enum (empty: they cannot).
struct LayoutRequest {
  Toc toc;
  std::vector<std::vector<std::string>> enum_names;
};

/// Lays out the file in memory and fills the offsets of `request.toc` (extents' bytes are given by the caller) and
/// that of the dataset /_tajo/toc of `toc_bytes` bytes. Any thread; takes the library's lock.
FileImage lay_out(LayoutRequest& request, std::uint64_t toc_bytes, std::uint64_t& toc_offset);

/// The name of a column's dataset: the column's own, with characters HDF5 or our groups have taken percent-encoded.
std::string dataset_name(const std::string& column);

/// Whether words can name the members of an HDF5 enum: few, short, none empty, printable.
bool fits_enum(const std::vector<std::string_view>& words);

}  // namespace tajo::storage::hdf5
