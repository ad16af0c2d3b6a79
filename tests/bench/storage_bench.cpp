// Reads a Parquet file (or a CSV file with a header), writes it as fragments of a managed table, scans them. By hand:
//   storage_bench FILE OUTPUT_DIRECTORY
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "tajo/data/load.hpp"
#include "tajo/storage/scan.hpp"
#include "tajo/storage/write.hpp"

namespace {

using namespace tajo;

/// Time on the wall, and on the processor by this thread: the one that a busy machine does not distort.
struct Stopwatch {
  std::chrono::steady_clock::time_point wall = std::chrono::steady_clock::now();
  double cpu = cpu_now();
  static double cpu_now() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }
};

struct Seconds {
  double wall = 0;
  double cpu = 0;
  void add(const Stopwatch& since) {
    wall += std::chrono::duration<double>(std::chrono::steady_clock::now() - since.wall).count();
    cpu += Stopwatch::cpu_now() - since.cpu;
  }
  void print(const char* what, std::uint64_t rows, double megabytes) const {
    double ns = 1e9 / static_cast<double>(rows == 0 ? 1 : rows);
    std::printf("%-18s %8.3f s wall %8.3f s cpu %8.1f ns/row cpu", what, wall, cpu, cpu * ns);
    if (megabytes > 0) std::printf(" %9.1f MB/s wall %9.1f MB/s cpu", megabytes / wall, megabytes / cpu);
    std::printf("\n");
  }
};

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
  storage::ScanRequest input;
  input.source.format = file.ends_with(".csv") ? "csv" : "parquet";
  input.source.options["csv.header"] = "true";
  input.source.managed = false;
  input.source.location = file;
  input.source.schema = storage->infer_schema(input.source);
  input.fragments = storage->list_external(input.source);
  const data::Schema& schema = input.source.schema;
  for (std::uint32_t i = 0; i < schema.columns.size(); ++i) input.columns.push_back(i);

  std::uint64_t rows = 0;
  Seconds read;
  Stopwatch start;
  scan_all(*storage, input, [&](const data::Batch& b) { rows += b.selection.count; });
  read.add(start);
  read.print("read source", rows, 0);

  storage::ScanRequest table;
  table.source.location = directory;
  table.source.schema = schema;
  table.columns = input.columns;
  Seconds encode;
  Seconds finish;
  std::unique_ptr<storage::FragmentWriter> writer;
  auto close = [&] {
    if (!writer) return;
    Stopwatch t;
    table.fragments.push_back(writer->finish(directory + "/part-" + std::to_string(table.fragments.size()) + ".h5"));
    finish.add(t);
    writer.reset();
  };
  scan_all(*storage, input, [&](const data::Batch& b) {
    Stopwatch t;
    if (!writer) writer = storage::make_fragment_writer(schema, {});
    writer->append(b);
    encode.add(t);
    if (writer->rows() >= storage::kMaxFragmentRows || writer->bytes() >= storage::kMaxFragmentBytes) close();
  });
  close();
  std::uint64_t bytes = 0;
  for (const auto& f : table.fragments) bytes += f.bytes;
  double megabytes = static_cast<double>(bytes) / 1e6;
  std::printf("%.1f MB in %zu files\n", megabytes, table.fragments.size());
  encode.print("encode", rows, megabytes);
  finish.print("lay out and write", rows, megabytes);
  Seconds both{encode.wall + finish.wall, encode.cpu + finish.cpu};
  both.print("writer", rows, megabytes);

  auto fresh = storage::Storage::make(directory);
  for (const char* what : {"scan, first touch", "scan, again"}) {
    Seconds s;
    Stopwatch t;
    scan_all(*fresh, table, [](const data::Batch&) {});
    s.add(t);
    s.print(what, rows, megabytes);
  }
  data::Arena arena;
  Seconds loaded;
  Stopwatch t;
  scan_all(*fresh, table, [&](const data::Batch& b) {
    arena.reset();
    for (const data::Vector& v : b.columns) data::load(v, b.rows, b.selection, arena);
  });
  loaded.add(t);
  loaded.print("scan, widened", rows, megabytes);
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
    std::fprintf(stderr, "usage: storage_bench FILE OUTPUT_DIRECTORY\n");
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
