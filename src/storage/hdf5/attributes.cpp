#include "hdf5/attributes.hpp"

#include "hdf5/library.hpp"

namespace tajo::storage::hdf5 {
namespace {

void write_attribute(hid_t object, const char* name, hid_t type, hid_t memory_type, const void* value) {
  Id space = checked(H5Screate(H5S_SCALAR), H5Sclose, name);
  Id a = checked(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, name);
  check(H5Awrite(a, memory_type, value), name);
}

}  // namespace

void text_attribute(hid_t object, const char* name, const std::string& text) {
  Id type = checked(H5Tcopy(H5T_C_S1), H5Tclose, name);
  check(H5Tset_size(type, text.size() + 1), name);
  check(H5Tset_cset(type, H5T_CSET_UTF8), name);
  write_attribute(object, name, type, type, text.c_str());
}

void string_attribute(hid_t object, const char* name, const std::string& text) {
  Id type = checked(H5Tcopy(H5T_C_S1), H5Tclose, name);
  check(H5Tset_size(type, H5T_VARIABLE), name);
  check(H5Tset_cset(type, H5T_CSET_UTF8), name);
  const char* value = text.c_str();
  write_attribute(object, name, type, type, &value);
}

void int_attribute(hid_t object, const char* name, std::int64_t value) {
  write_attribute(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

void int32_attribute(hid_t object, const char* name, std::int32_t value) {
  write_attribute(object, name, H5T_STD_I32LE, H5T_NATIVE_INT32, &value);
}

void double_attribute(hid_t object, const char* name, double value) {
  write_attribute(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

void typed_int_attribute(hid_t object, const char* name, hid_t type, std::int64_t value) {
  // Little-endian: the low bytes of the value are the value in any narrower width. CF tools expect one element.
  hsize_t one = 1;
  Id space = checked(H5Screate_simple(1, &one, nullptr), H5Sclose, name);
  Id a = checked(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, name);
  check(H5Awrite(a, type, &value), name);
}

void attach_dimension(hid_t dataset, hid_t dimension) {
  hobj_ref_t reference;
  Id file = checked(H5Iget_file_id(dimension), H5Fclose, "DIMENSION_LIST");
  char path[256];
  if (H5Iget_name(dimension, path, sizeof path) <= 0) check(-1, "DIMENSION_LIST");
  check(H5Rcreate(&reference, file, path, H5R_OBJECT, -1), "DIMENSION_LIST");
  hvl_t list{1, &reference};
  hsize_t rank = 1;
  Id space = checked(H5Screate_simple(1, &rank, nullptr), H5Sclose, "DIMENSION_LIST");
  Id type = checked(H5Tvlen_create(H5T_STD_REF_OBJ), H5Tclose, "DIMENSION_LIST");
  Id a = checked(H5Acreate2(dataset, "DIMENSION_LIST", type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, "DIMENSION_LIST");
  check(H5Awrite(a, type, &list), "DIMENSION_LIST");
}

void list_references(hid_t dimension, const std::vector<hobj_ref_t>& datasets) {
  if (datasets.empty()) return;
  struct Entry {
    hobj_ref_t dataset;
    int dimension;
  };
  // An attribute of this size would not fit an object header; tools find the columns by DIMENSION_LIST all the same.
  constexpr std::size_t kMaxEntries = 2000;
  if (datasets.size() > kMaxEntries) return;
  std::vector<Entry> entries;
  for (hobj_ref_t d : datasets) entries.push_back({d, 0});
  hsize_t count = entries.size();
  Id type = checked(H5Tcreate(H5T_COMPOUND, sizeof(Entry)), H5Tclose, "REFERENCE_LIST");
  check(H5Tinsert(type, "dataset", HOFFSET(Entry, dataset), H5T_STD_REF_OBJ), "REFERENCE_LIST");
  check(H5Tinsert(type, "dimension", HOFFSET(Entry, dimension), H5T_NATIVE_INT), "REFERENCE_LIST");
  Id space = checked(H5Screate_simple(1, &count, nullptr), H5Sclose, "REFERENCE_LIST");
  Id a = checked(H5Acreate2(dimension, "REFERENCE_LIST", type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                 "REFERENCE_LIST");
  check(H5Awrite(a, type, entries.data()), "REFERENCE_LIST");
}

}  // namespace tajo::storage::hdf5
