// Writes the tables that tests/storage/*_test.py read with h5py and xarray, and prints tables that Python wrote:
//   storage_files write DIRECTORY
//   storage_files scan FORMAT LOCATION [key=value ...]
#include <cstdio>
#include <iostream>

#include "tajo/data/load.hpp"
#include "tajo/storage/scan.hpp"
#include "tajo/storage/write.hpp"

namespace {

using namespace tajo;
using data::Type;
using data::TypeId;

data::Schema test_schema() {
  return {{{"k", Type::of(TypeId::kInt8), true}, {"n", Type::of(TypeId::kInt4)}, {"big", Type::of(TypeId::kInt8)},
           {"price", Type::decimal(15, 2)}, {"wide", Type::decimal(38, 10)}, {"f", Type::of(TypeId::kFloat8)},
           {"d", Type::of(TypeId::kDate)}, {"ts", Type::of(TypeId::kTimestamp)}, {"flag", Type::of(TypeId::kText)},
           {"word", Type::of(TypeId::kText)}, {"comment", Type::of(TypeId::kText)}, {"b", Type::of(TypeId::kBool)},
           {"odd/name", Type::of(TypeId::kInt2)}, {"old", Type::of(TypeId::kDate)}}};
}

/// The cell of row i, in text, empty for NULL; the Python tests compute the same.
std::string cell(std::size_t column, std::int64_t i) {
  auto two_digits = [](std::int64_t v) {
    char text[32];
    std::snprintf(text, sizeof text, "%lld.%02lld", static_cast<long long>(v / 100), static_cast<long long>(v % 100));
    return std::string(text);
  };
  switch (column) {
    case 0: return std::to_string((std::int64_t{1} << 60) + i);
    case 1: return i % 5 == 0 ? "" : std::to_string(i % 100);
    case 2: return i % 7 == 0 ? "" : std::to_string((std::int64_t{1} << 60) - i);
    case 3: return i % 11 == 0 ? "" : two_digits(i * 7919);
    case 4: return i % 13 == 0 ? "" : "1234567890123456789012345" + std::to_string(i % 10) + ".0123456789";
    case 5: return i % 3 == 0 ? "" : std::to_string(i) + ".5";
    case 6: return i % 17 == 0 && i < 1000 ? "" : data::format_value(data::Value(std::int64_t{-200'000} + i), Type::of(TypeId::kDate));
    case 7: return data::format_value(data::Value(i * 86'400'000'001), Type::of(TypeId::kTimestamp));
    case 8: return i < 1000 ? (i % 3 == 0 ? "A" : i % 3 == 1 ? "N" : "R") : (i % 2 == 0 ? "N" : "Z");
    case 9: return i % 4 == 0 ? "" : "word " + std::to_string(i % 300);
    case 10: return "comment number " + std::to_string(i * i) + " \xC3\xA9";
    case 11: return i % 6 == 0 ? "" : i % 2 == 0 ? "t" : "f";
    case 12: return std::to_string(i % 1000);
    default: return data::format_value(data::Value(std::int64_t{-200'001} + i % 1000), Type::of(TypeId::kDate));
  }
}

void write_fragment(const std::string& path, std::int64_t from, std::int64_t to) {
  data::Schema schema = test_schema();
  storage::CopyFormat format;
  format.csv = true;
  format.delimiter = ',';
  format.null = "";
  auto parser = storage::make_copy_parser(schema, format);
  auto writer = storage::make_fragment_writer(schema, {});
  data::Batch batch;
  for (std::int64_t i = from; i < to; ++i) {
    std::string line;
    for (std::size_t c = 0; c < schema.columns.size(); ++c) line += (c > 0 ? "," : "") + cell(c, i);
    parser->feed(line + '\n');
    while (parser->next(batch)) writer->append(batch);
  }
  parser->end();
  while (parser->next(batch)) writer->append(batch);
  writer->finish(path);
}

data::Value value_at(const data::Vector& v, std::uint32_t row) {
  if (v.form == data::Vector::Form::kConstant) row = 0;
  if (!data::row_valid(v.valid, row)) return {};
  switch (v.type) {
    case data::Physical::kBool: return std::int64_t{v.as<std::uint8_t>()[row]};
    case data::Physical::kI32: return std::int64_t{v.as<std::int32_t>()[row]};
    case data::Physical::kI64: return v.as<std::int64_t>()[row];
    case data::Physical::kI128: return v.as<__int128>()[row];
    case data::Physical::kF32: return static_cast<double>(v.as<float>()[row]);
    case data::Physical::kF64: return v.as<double>()[row];
    case data::Physical::kStr: return std::string(v.as<data::Str>()[row].view());
  }
  return {};
}

void scan(const data::TableSource& given) {
  auto storage = storage::Storage::make("/");
  data::TableSource source = given;
  source.managed = false;
  source.schema = storage->infer_schema(source);
  const auto& columns = source.schema.columns;
  for (std::size_t c = 0; c < columns.size(); ++c)
    std::cout << (c > 0 ? "|" : "") << columns[c].name << ':' << data::type_name(columns[c].type);
  std::cout << '\n';
  storage::ScanRequest request;
  request.source = source;
  request.fragments = storage->list_external(source);
  for (std::uint32_t c = 0; c < columns.size(); ++c) request.columns.push_back(c);
  auto scan = storage->scan(request);
  data::Arena arena;
  for (const data::Split& split : storage->splits(request, 1 << 20)) {
    auto reader = scan->open(split);
    data::Batch batch;
    while (reader->next(batch)) {
      std::vector<data::Vector> flat;
      for (const data::Vector& v : batch.columns) flat.push_back(data::load(v, batch.rows, batch.selection, arena));
      for (std::uint32_t i = 0; i < batch.selection.count; ++i)
        for (std::size_t c = 0; c < flat.size(); ++c) {
          data::Value v = value_at(flat[c], batch.selection[i]);
          std::cout << (data::is_null(v) ? "NULL" : data::format_value(v, columns[c].type))
                    << (c + 1 < flat.size() ? '|' : '\n');
        }
      arena.reset();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::string> args(argv + 1, argv + argc);
    if (args.size() == 2 && args[0] == "write") {
      write_fragment(args[1] + "/a.h5", 0, 1000);
      write_fragment(args[1] + "/b.h5", 1000, 1500);
      return 0;
    }
    if (args.size() >= 3 && args[0] == "scan") {
      data::TableSource source;
      source.format = args[1];
      source.location = args[2];
      for (std::size_t i = 3; i < args.size(); ++i) {
        std::size_t eq = args[i].find('=');
        source.options[args[i].substr(0, eq)] = args[i].substr(eq + 1);
      }
      scan(source);
      return 0;
    }
    std::cerr << "usage: storage_files write DIRECTORY | scan FORMAT LOCATION [key=value ...]\n";
    return 2;
  } catch (const Error& e) {
    std::cerr << "ERROR: " << e.sqlstate() << ": " << e.message() << '\n';
    return 1;
  }
}
