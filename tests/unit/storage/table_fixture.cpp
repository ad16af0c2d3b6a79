#include "table_fixture.hpp"

#include <unistd.h>

#include <fstream>

namespace tajo::storage::testing {
namespace {

template <class T>
void put(data::Vector& v, data::Arena& arena, const std::vector<Row>& rows, std::size_t from, std::size_t to,
         std::size_t column) {
  auto n = static_cast<std::uint32_t>(to - from);
  T* out = arena.array<T>(n + 1);
  auto* valid = arena.array<std::uint64_t>(n / 64 + 1);
  std::memset(valid, 0xFF, (n / 64 + 1) * 8);
  bool nulls = false;
  for (std::size_t i = from; i < to; ++i) {
    const data::Value& value = rows[i][column];
    std::size_t r = i - from;
    new (&out[r]) T{};
    if (data::is_null(value)) {
      valid[r >> 6] &= ~(std::uint64_t{1} << (r & 63));
      nulls = true;
    } else if constexpr (std::is_same_v<T, data::Str>) {
      out[r] = arena.copy(std::get<std::string>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      out[r] = static_cast<T>(std::get<double>(value));
    } else if constexpr (std::is_same_v<T, __int128>) {
      out[r] = std::get<__int128>(value);
    } else {
      out[r] = static_cast<T>(std::get<std::int64_t>(value));
    }
  }
  v.data = out;
  v.valid = nulls ? valid : nullptr;
}

}  // namespace

BatchOfRows::BatchOfRows(const data::Schema& schema, const std::vector<Row>& rows, std::size_t from, std::size_t to) {
  batch_.rows = static_cast<std::uint32_t>(to - from);
  batch_.selection = {nullptr, batch_.rows};
  batch_.arena = &arena_;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    data::Vector v;
    v.form = data::Vector::Form::kFlat;
    v.type = data::physical_of(schema.columns[c].type);
    switch (v.type) {
      case data::Physical::kBool: put<std::uint8_t>(v, arena_, rows, from, to, c); break;
      case data::Physical::kI32: put<std::int32_t>(v, arena_, rows, from, to, c); break;
      case data::Physical::kI64: put<std::int64_t>(v, arena_, rows, from, to, c); break;
      case data::Physical::kI128: put<__int128>(v, arena_, rows, from, to, c); break;
      case data::Physical::kF32: put<float>(v, arena_, rows, from, to, c); break;
      case data::Physical::kF64: put<double>(v, arena_, rows, from, to, c); break;
      case data::Physical::kStr: put<data::Str>(v, arena_, rows, from, to, c); break;
    }
    batch_.columns.push_back(v);
  }
}

void read_rows(const data::Schema& schema, const data::Batch& batch, std::vector<Row>& out) {
  std::size_t first = out.size();
  out.resize(first + batch.selection.count, Row(batch.columns.size()));
  static_cast<void>(schema);
  data::Arena arena;
  for (std::size_t c = 0; c < batch.columns.size(); ++c) {
    data::Vector v = data::load(batch.columns[c], batch.rows, batch.selection, arena);
    for (std::uint32_t i = 0; i < batch.selection.count; ++i) {
      std::uint32_t row = v.form == data::Vector::Form::kConstant ? 0 : batch.selection[i];
      if (!data::row_valid(v.valid, row)) continue;
      data::Value& value = out[first + i][c];
      switch (v.type) {
        case data::Physical::kBool: value = std::int64_t{v.as<std::uint8_t>()[row]}; break;
        case data::Physical::kI32: value = std::int64_t{v.as<std::int32_t>()[row]}; break;
        case data::Physical::kI64: value = v.as<std::int64_t>()[row]; break;
        case data::Physical::kI128: value = v.as<__int128>()[row]; break;
        case data::Physical::kF32: value = static_cast<double>(v.as<float>()[row]); break;
        case data::Physical::kF64: value = v.as<double>()[row]; break;
        case data::Physical::kStr: value = std::string(v.as<data::Str>()[row].view()); break;
      }
    }
  }
}

TableTest::TableTest() {
  char name[] = "/tmp/storage-test-XXXXXX";
  directory_ = mkdtemp(name);
  storage_ = Storage::make(directory_.string());
}

TableTest::~TableTest() {
  storage_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

data::TableSource TableTest::source(const data::Schema& schema) const {
  data::TableSource s;
  s.location = directory_.string();
  s.schema = schema;
  return s;
}

data::FragmentInfo TableTest::write(const data::Schema& schema, const std::vector<Row>& rows, const std::string& name) {
  auto writer = make_fragment_writer(schema, {});
  for (std::size_t from = 0; from < rows.size(); from += data::kVectorRows) {
    BatchOfRows batch(schema, rows, from, std::min(rows.size(), from + data::kVectorRows));
    writer->append(batch.batch());
  }
  return writer->finish(path(name));
}

ScanRequest TableTest::request(const data::Schema& schema, std::vector<data::FragmentInfo> fragments) const {
  ScanRequest r;
  r.source = source(schema);
  r.fragments = std::move(fragments);
  for (std::uint32_t i = 0; i < schema.columns.size(); ++i) r.columns.push_back(i);
  return r;
}

std::vector<Row> TableTest::scan(const ScanRequest& request, std::uint64_t target_rows) {
  std::vector<Row> rows;
  auto scan = storage_->scan(request);
  for (const data::Split& split : storage_->splits(request, target_rows)) {
    auto reader = scan->open(split);
    data::Batch batch;
    while (reader->next(batch)) read_rows(request.source.schema, batch, rows);
  }
  return rows;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
}

}  // namespace tajo::storage::testing
