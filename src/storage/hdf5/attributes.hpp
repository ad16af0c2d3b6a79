#pragma once
#include <hdf5.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tajo::storage::hdf5 {

// Scalar attributes of an object; the caller holds the library's lock. Errors as check().
void text_attribute(hid_t object, const char* name, const std::string& text);  ///< fixed length, as netCDF's own
void string_attribute(hid_t object, const char* name, const std::string& text);  ///< variable length: str in h5py
void int_attribute(hid_t object, const char* name, std::int64_t value);
void int32_attribute(hid_t object, const char* name, std::int32_t value);
void double_attribute(hid_t object, const char* name, double value);
/// In the type of a dataset (an integer or an enum of integers): what CF asks of _FillValue.
void typed_int_attribute(hid_t object, const char* name, hid_t type, std::int64_t value);

/// DIMENSION_LIST and REFERENCE_LIST as the dimension scales specification has them.
void attach_dimension(hid_t dataset, hid_t dimension);
void list_references(hid_t dimension, const std::vector<hobj_ref_t>& datasets);

}  // namespace tajo::storage::hdf5
