#pragma once
#include "hdf5/column_encoder.hpp"

namespace tajo::storage::hdf5 {

std::unique_ptr<ColumnEncoder> make_integer_encoder(const data::Type& type);  ///< bool, integers, decimals, times
std::unique_ptr<ColumnEncoder> make_float_encoder(const data::Type& type);
std::unique_ptr<ColumnEncoder> make_text_encoder(const data::Type& type);     ///< texts and blobs

}  // namespace tajo::storage::hdf5
