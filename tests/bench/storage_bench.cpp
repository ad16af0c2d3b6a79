// Reads a Parquet file, writes it as fragments of a managed table, scans them. By hand:
//   storage_bench FILE.parquet OUTPUT_DIRECTORY
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "tajo/data/load.hpp"
#include "tajo/storage/scan.hpp"
#include "tajo/storage/write.hpp"

namespace {

using namespace tajo;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Everything of a scan through `f`.
template <class F>
void scan_all(storage::Storage& storage, const storage::ScanRequest& request, F&& f) {
  auto scan = storage.scan(request);
  for (const data::Split& split : storage.splits(request, 1 << 20)) {
    auto reader = scan->open(split);
    data::Batch batch;
    while (reader->next(batch)) f(batch);
  }
}

void bench(const std::string& file, const std::string& directory) {
  auto storage = storage::Storage::make(directory);
  storage::ScanRequest parquet;
  parquet.source.format = "parquet";
  parquet.source.managed = false;
  parquet.source.location = file;
  parquet.source.schema = storage->infer_schema(parquet.source);
  parquet.fragments = storage->list_external(parquet.source);
  const data::Schema& schema = parquet.source.schema;
  for (std::uint32_t i = 0; i < schema.columns.size(); ++i) parquet.columns.push_back(i);

  auto start = std::chrono::steady_clock::now();
  std::uint64_t rows = 0;
  scan_all(*storage, parquet, [&](const data::Batch& b) { rows += b.selection.count; });
  double read = seconds_since(start);
  std::printf("read parquet      %8.3f s  %7.1f ns/row  %llu rows\n", read, read / static_cast<double>(rows) * 1e9,
              static_cast<unsigned long long>(rows));

  storage::ScanRequest table;
  table.source.location = directory;
  table.source.schema = schema;
  table.columns = parquet.columns;
  start = std::chrono::steady_clock::now();
  double encode = 0;
  double finish = 0;
  std::unique_ptr<storage::FragmentWriter> writer;
  auto close = [&] {
    if (!writer) return;
    auto t = std::chrono::steady_clock::now();
    table.fragments.push_back(writer->finish(directory + "/part-" + std::to_string(table.fragments.size()) + ".h5"));
    finish += seconds_since(t);
    writer.reset();
  };
  scan_all(*storage, parquet, [&](const data::Batch& b) {
    auto t = std::chrono::steady_clock::now();
    if (!writer) writer = storage::make_fragment_writer(schema, {});
    writer->append(b);
    encode += seconds_since(t);
    if (writer->rows() >= storage::kMaxFragmentRows || writer->bytes() >= storage::kMaxFragmentBytes) close();
  });
  close();
  double all = seconds_since(start);
  std::uint64_t bytes = 0;
  for (const auto& f : table.fragments) bytes += f.bytes;
  double megabytes = static_cast<double>(bytes) / 1e6;
  double ns = 1e9 / static_cast<double>(rows);
  std::printf("parquet -> hdf5   %8.3f s  %7.1f ns/row  %.1f MB in %zu files\n", all, all * ns, megabytes, table.fragments.size());
  std::printf("  encode          %8.3f s  %7.1f ns/row\n", encode, encode * ns);
  std::printf("  lay out, write  %8.3f s  %7.1f ns/row\n", finish, finish * ns);
  std::printf("  writer alone    %8.1f MB/s\n", megabytes / (encode + finish));

  auto fresh = storage::Storage::make(directory);
  for (const char* what : {"scan, checksums", "scan, hot views"}) {
    start = std::chrono::steady_clock::now();
    rows = 0;
    scan_all(*fresh, table, [&](const data::Batch& b) { rows += b.selection.count; });
    double s = seconds_since(start);
    std::printf("%s   %8.4f s  %7.2f ns/row  %.1f GB/s\n", what, s, s * ns, megabytes / 1e3 / s);
  }
  data::Arena arena;
  start = std::chrono::steady_clock::now();
  scan_all(*fresh, table, [&](const data::Batch& b) {
    arena.reset();
    for (const data::Vector& v : b.columns) data::load(v, b.rows, b.selection, arena);
  });
  double s = seconds_since(start);
  std::printf("scan, loaded      %8.4f s  %7.2f ns/row\n", s, s * ns);
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    std::uint64_t distinct = 0;
    for (const auto& f : table.fragments) distinct = std::max(distinct, f.columns[c].distinct);
    std::printf("  %-18s %-14s distinct in a fragment %llu\n", schema.columns[c].name.c_str(),
                data::type_name(schema.columns[c].type).c_str(), static_cast<unsigned long long>(distinct));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: storage_bench FILE.parquet OUTPUT_DIRECTORY\n");
    return 2;
  }
  try {
    std::filesystem::create_directories(argv[2]);
    bench(argv[1], argv[2]);
    return 0;
  } catch (const Error& e) {
    std::fprintf(stderr, "ERROR %s: %s\n", e.sqlstate().c_str(), e.message().c_str());
    return 1;
  }
}
