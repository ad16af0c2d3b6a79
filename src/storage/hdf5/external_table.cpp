#include "hdf5/external_table.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "io_error.hpp"
#include "source.hpp"

namespace tajo::storage::hdf5 {
namespace {

using data::Type;
using data::TypeId;

std::string lower(std::string s) {
  for (char& c : s)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return s;
}

/// Text of a scalar attribute; empty when there is none.
std::string text_of(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return {};
  Id a = checked(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, name);
  Id type = checked(H5Aget_type(a), H5Tclose, name);
  Id space = checked(H5Aget_space(a), H5Sclose, name);
  if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) return {};
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    if (H5Aread(a, type, &text) < 0 || text == nullptr) return {};
    std::string out(text);
    H5free_memory(text);
    return out;
  }
  std::string out(H5Tget_size(type) + 1, '\0');
  if (H5Aread(a, type, out.data()) < 0) return {};
  out.resize(std::strlen(out.c_str()));
  return out;
}

void read_fill(hid_t dataset, ExternalColumn& c) {
  const char* name = H5Aexists(dataset, "tajo_null") > 0 ? "tajo_null" : "_FillValue";
  bool numeric = c.kind == ExternalColumn::Kind::kInteger || c.kind == ExternalColumn::Kind::kFloat;
  if (!numeric || H5Aexists(dataset, name) <= 0) return;
  Id a = checked(H5Aopen(dataset, name, H5P_DEFAULT), H5Aclose, name);
  Id space = checked(H5Aget_space(a), H5Sclose, name);
  if (H5Sget_simple_extent_npoints(space) != 1) return;
  bool real = c.kind == ExternalColumn::Kind::kFloat;
  c.has_fill = (real ? H5Aread(a, H5T_NATIVE_DOUBLE, &c.fill_float) : H5Aread(a, H5T_NATIVE_INT64, &c.fill_integer)) >= 0;
}

/// h5py's bool is an enum of these two names over int8.
bool is_bool(const std::map<std::int64_t, std::string>& names) {
  return names.size() == 2 && names.contains(0) && names.contains(1) && names.at(0) == "FALSE" && names.at(1) == "TRUE";
}

void read_names(hid_t type, ExternalColumn& c) {
  Id base = checked(H5Tget_super(type), H5Tclose, c.dataset);
  int members = H5Tget_nmembers(type);
  for (int i = 0; i < members; ++i) {
    std::int64_t value[2] = {0, 0};
    check(H5Tget_member_value(type, static_cast<unsigned>(i), value), c.dataset);
    check(H5Tconvert(base, H5T_NATIVE_INT64, 1, value, nullptr, H5P_DEFAULT), c.dataset);
    char* name = H5Tget_member_name(type, static_cast<unsigned>(i));
    c.names[value[0]] = name;
    H5free_memory(name);
  }
  bool boolean = is_bool(c.names);
  c.kind = boolean ? ExternalColumn::Kind::kBoolEnum : ExternalColumn::Kind::kEnum;
  c.type = Type::of(boolean ? TypeId::kBool : TypeId::kText);
}

/// false: values of this type cannot be a column.
bool read_type(hid_t type, ExternalColumn& c) {
  c.size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      if (c.size > 8) return false;
      c.is_unsigned = H5Tget_sign(type) == H5T_SGN_NONE;
      c.kind = c.is_unsigned && c.size == 8 ? ExternalColumn::Kind::kUnsigned64 : ExternalColumn::Kind::kInteger;
      if (c.size == 8) {
        c.type = c.is_unsigned ? Type::decimal(20, 0) : Type::of(TypeId::kInt8);
      } else if (c.size == 4) {
        c.type = Type::of(c.is_unsigned ? TypeId::kInt8 : TypeId::kInt4);
      } else if (c.size == 2) {
        c.type = Type::of(c.is_unsigned ? TypeId::kInt4 : TypeId::kInt2);
      } else {
        c.type = Type::of(c.is_unsigned ? TypeId::kInt2 : TypeId::kInt1);
      }
      return true;
    case H5T_FLOAT:
      if (c.size > 8) return false;
      c.kind = ExternalColumn::Kind::kFloat;
      c.type = Type::of(c.size <= 4 ? TypeId::kFloat4 : TypeId::kFloat8);
      return true;
    case H5T_STRING:
      c.kind = H5Tis_variable_str(type) > 0 ? ExternalColumn::Kind::kVariableText : ExternalColumn::Kind::kFixedText;
      c.type = Type::of(TypeId::kText);
      return true;
    case H5T_ENUM: read_names(type, c); return true;
    default: return false;
  }
}

/// The SQL type our own writer noted beside an integer, where it can be read as such.
void read_own_type(hid_t dataset, ExternalColumn& c) {
  if (c.kind != ExternalColumn::Kind::kInteger) return;
  std::string name = text_of(dataset, "tajo_type");
  static const std::map<std::string, TypeId> kTypes = {
      {"BOOL", TypeId::kBool},   {"BOOLEAN", TypeId::kBool}, {"INT1", TypeId::kInt1},       {"INT2", TypeId::kInt2},
      {"INT4", TypeId::kInt4},   {"INT8", TypeId::kInt8},    {"DATE", TypeId::kDate},       {"TIME", TypeId::kTime},
      {"TIMESTAMP", TypeId::kTimestamp},                     {"TIMESTAMPTZ", TypeId::kTimestampTz}};
  int precision = 0;
  int scale = 0;
  auto it = kTypes.find(name);
  if (it != kTypes.end()) {
    c.type = Type::of(it->second);
  } else if (std::sscanf(name.c_str(), "DECIMAL(%d,%d)", &precision, &scale) == 2 && precision >= 1 && precision <= 38 &&
             scale >= 0 && scale <= precision) {
    c.type = Type::decimal(precision, scale);
  }
}

std::optional<std::uint64_t> one_dimension(hid_t dataset) {
  Id space = checked(H5Dget_space(dataset), H5Sclose, "shape");
  if (H5Sget_simple_extent_ndims(space) != 1) return std::nullopt;
  hsize_t rows = 0;
  if (H5Sget_simple_extent_dims(space, &rows, nullptr) != 1) return std::nullopt;
  return rows;
}

void add_fields(hid_t dataset, const std::string& path, std::uint64_t rows, std::vector<ExternalColumn>& out) {
  Id type = checked(H5Dget_type(dataset), H5Tclose, path);
  int members = H5Tget_nmembers(type);
  for (int i = 0; i < members; ++i) {
    Id member = checked(H5Tget_member_type(type, static_cast<unsigned>(i)), H5Tclose, path);
    char* name = H5Tget_member_name(type, static_cast<unsigned>(i));
    ExternalColumn c;
    c.field = name;
    H5free_memory(name);
    c.name = lower(c.field);
    c.dataset = path;
    c.rows = rows;
    if (read_type(member, c)) out.push_back(std::move(c));
  }
}

struct Found {
  std::vector<ExternalColumn> columns;     // plain 1-D datasets
  std::vector<std::string> compounds;      // 1-D datasets of compounds
};

void look_at(hid_t group, const std::string& prefix, const char* link, Found& found) {
  H5O_info_t info;
#if H5_VERSION_GE(1, 12, 0)
  if (H5Oget_info_by_name3(group, link, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return;  // a dangling link
#else
  if (H5Oget_info_by_name2(group, link, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return;
#endif
  if (info.type != H5O_TYPE_DATASET) return;
  Id dataset = checked(H5Dopen2(group, link, H5P_DEFAULT), H5Dclose, link);
  auto rows = one_dimension(dataset);
  if (!rows || text_of(dataset, "NAME").starts_with("This is a netCDF dimension but not a netCDF variable")) return;
  Id type = checked(H5Dget_type(dataset), H5Tclose, link);
  ExternalColumn c;
  c.dataset = prefix + link;
  c.name = lower(link);
  c.rows = *rows;
  if (H5Tget_class(type) == H5T_COMPOUND) {
    found.compounds.push_back(c.dataset);
  } else if (read_type(type, c)) {
    read_fill(dataset, c);
    read_own_type(dataset, c);
    found.columns.push_back(std::move(c));
  }
}

herr_t visit(hid_t group, const char* link, const H5L_info_t*, void* data) {
  static_cast<std::vector<std::string>*>(data)->push_back(link);
  static_cast<void>(group);
  return 0;
}

std::vector<std::string> links_of(hid_t group, const std::string& what) {
  std::vector<std::string> links;
  Id create = checked(H5Gget_create_plist(group), H5Pclose, what);
  unsigned order = 0;
  check(H5Pget_link_creation_order(create, &order), what);
  bool tracked = (order & H5P_CRT_ORDER_INDEXED) != 0;
  hsize_t start = 0;
  check(H5Literate(group, tracked ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, &start, visit, &links), what);
  return links;
}

/// The length most datasets share: others are not columns of this table.
std::uint64_t common_length(const std::vector<ExternalColumn>& columns) {
  std::map<std::uint64_t, std::size_t> uses;
  for (const ExternalColumn& c : columns) ++uses[c.rows];
  std::uint64_t best = 0;
  std::size_t most = 0;
  for (auto [rows, count] : uses)
    if (count >= most) best = rows, most = count;
  return best;
}

}  // namespace

const ExternalColumn* ExternalTable::find(const std::string& name) const {
  for (const ExternalColumn& c : columns)
    if (c.name == name || c.field == name) return &c;
  return nullptr;
}

Id open_external(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) throw io_error("open", path, errno);
  if (H5Fis_hdf5(path.c_str()) <= 0) throw corrupt(path, "it is not an HDF5 file");
  return checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, "file \"" + path + "\" is damaged");
}

ExternalTable describe_external(hid_t file, const std::string& path, const data::TableSource& source) {
  std::string group = option(source, "hdf5.dataset", option(source, "hdf5.group", "/"));
  if (group.empty() || group[0] != '/') group = "/" + group;
  std::string what = "\"" + group + "\" in file \"" + path + "\"";
  hid_t raw = H5Oopen(file, group.c_str(), H5P_DEFAULT);
  if (raw < 0) {
    H5Eclear2(H5E_DEFAULT);
    throw Error(sqlstate::kUndefinedTable, "there is no group or dataset " + what)
        .hint("WITH ('hdf5.group'='/path') names the group whose 1-D datasets are the columns.");
  }
  Id object(raw, H5Oclose);
  ExternalTable table;
  if (H5Iget_type(object) == H5I_DATASET) {
    auto rows = one_dimension(object);
    Id type = checked(H5Dget_type(object), H5Tclose, what);
    if (!rows) throw Error(sqlstate::kFeatureNotSupported, "dataset " + what + " does not have one dimension");
    if (H5Tget_class(type) == H5T_COMPOUND) {
      add_fields(object, group, *rows, table.columns);
    } else {
      ExternalColumn c;
      c.dataset = group;
      c.name = lower(group.substr(group.rfind('/') + 1));
      c.rows = *rows;
      if (read_type(type, c)) table.columns.push_back(std::move(c));
    }
    table.rows = *rows;
  } else {
    Found found;
    std::string prefix = group == "/" ? group : group + "/";
    for (const std::string& link : links_of(object, what)) look_at(object, prefix, link.c_str(), found);
    if (found.columns.empty() && found.compounds.size() == 1) {
      Id dataset = checked(H5Dopen2(file, found.compounds[0].c_str(), H5P_DEFAULT), H5Dclose, what);
      table.rows = *one_dimension(dataset);
      add_fields(dataset, found.compounds[0], table.rows, table.columns);
    } else {
      table.rows = common_length(found.columns);
      for (ExternalColumn& c : found.columns)
        if (c.rows == table.rows) table.columns.push_back(std::move(c));
    }
  }
  if (table.columns.empty())
    throw Error(sqlstate::kUndefinedTable, "there is no 1-D dataset or compound to read as a table at " + what)
        .hint("WITH ('hdf5.group'='/path') names the group whose 1-D datasets are the columns.");
  return table;
}

}  // namespace tajo::storage::hdf5
