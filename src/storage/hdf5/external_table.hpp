#pragma once
#include <map>
#include <string>
#include <vector>

#include "hdf5/library.hpp"
#include "tajo/data/fragment.hpp"

namespace tajo::storage::hdf5 {

/// One column of somebody else's HDF5 file: a 1-D dataset, or a field of a 1-D compound dataset.
struct ExternalColumn {
  enum class Kind : std::uint8_t { kInteger, kUnsigned64, kFloat, kFixedText, kVariableText, kEnum, kBoolEnum };
  std::string name;      ///< as SQL sees it: lower case
  std::string dataset;   ///< path in the file
  std::string field;     ///< of the compound; empty: the dataset itself
  Kind kind = Kind::kInteger;
  std::size_t size = 0;  ///< bytes of a value in the file
  bool is_unsigned = false;
  data::Type type;       ///< what it is read as when nobody says otherwise
  bool has_fill = false; ///< values equal to it are NULL
  std::int64_t fill_integer = 0;
  double fill_float = 0;
  std::map<std::int64_t, std::string> names;  ///< of an enum
  std::uint64_t rows = 0;
};

/// What can be read as a table in a file: the 1-D datasets of equal length in the group, or the fields of a compound
/// dataset (the only one of the group, or named by the path).
struct ExternalTable {
  std::uint64_t rows = 0;
  std::vector<ExternalColumn> columns;
  const ExternalColumn* find(const std::string& name) const;
};

/// Opens for reading. Errors 58P01, XX001 naming the file. The caller holds the lock.
Id open_external(const std::string& path);
/// `path` names the file in messages. The caller holds the lock. Error 42P01 when group or columns are missing.
ExternalTable describe_external(hid_t file, const std::string& path, const data::TableSource& source);

}  // namespace tajo::storage::hdf5
