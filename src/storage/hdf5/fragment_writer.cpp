#include <algorithm>
#include <filesystem>

#include "file_sink.hpp"
#include "hdf5/column_encoder.hpp"
#include "hdf5/layout.hpp"
#include "tajo/storage/write.hpp"

namespace tajo::storage {
namespace hdf5 {
namespace {

/// Feeds batches to the encoders, cut at the ends of blocks.
class Encoders {
 public:
  explicit Encoders(const data::Schema& schema) {
    for (const data::Column& c : schema.columns) encoders_.push_back(ColumnEncoder::make(c.type));
  }

  void append(const data::Batch& batch) {
    TAJO_ASSERT(batch.columns.size() == encoders_.size());
    std::uint32_t from = 0;
    while (from < batch.selection.count) {
      std::uint32_t to = from + std::min(batch.selection.count - from, data::kBlockRows - in_block_);
      RowRange range{&batch.selection, from, to};
      for (std::size_t c = 0; c < encoders_.size(); ++c) encoders_[c]->append(batch.columns[c], range);
      in_block_ += to - from;
      rows_ += to - from;
      from = to;
      if (in_block_ == data::kBlockRows) end_block();
    }
  }

  void end_block() {
    if (in_block_ == 0) return;
    for (auto& e : encoders_) e->end_block();
    in_block_ = 0;
  }

  std::uint64_t rows() const { return rows_; }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& e : encoders_) sum += e->bytes();
    return sum;
  }
  std::vector<std::unique_ptr<ColumnEncoder>>& columns() { return encoders_; }

  Toc describe(const data::Schema& schema) {
    end_block();
    Toc toc;
    toc.rows = rows_;
    for (std::size_t i = 0; i < encoders_.size(); ++i) {
      TocColumn c;
      c.name = schema.columns[i].name;
      c.type = schema.columns[i].type;
      c.not_null = schema.columns[i].not_null;
      encoders_[i]->describe(c);
      // Here, and not row by row: every way of writing rows ends here, and the NULLs are counted already.
      if (c.not_null && c.statistics.nulls > 0)
        throw Error("23502", "null value in column \"" + c.name + "\" violates not-null constraint");
      toc.columns.push_back(std::move(c));
    }
    return toc;
  }

 private:
  std::vector<std::unique_ptr<ColumnEncoder>> encoders_;
  std::uint32_t in_block_ = 0;
  std::uint64_t rows_ = 0;
};

class Writer : public FragmentWriter {
 public:
  explicit Writer(data::Schema schema) : schema_(std::move(schema)), encoders_(schema_) {}

  void append(const data::Batch& batch) override {
    TAJO_ASSERT(!finished_);
    encoders_.append(batch);
  }
  std::uint64_t rows() const override { return encoders_.rows(); }
  std::size_t bytes() const override { return encoders_.bytes(); }

  data::FragmentInfo finish(const std::string& path) override {
    TAJO_ASSERT(!finished_);
    finished_ = true;
    LayoutRequest layout;
    layout.toc = encoders_.describe(schema_);
    Toc& toc = layout.toc;
    for (auto& e : encoders_.columns()) layout.enum_names.push_back(e->enum_names());
    std::uint64_t toc_bytes = encode_toc(toc).size();  // offsets and checksums have fixed widths
    std::uint64_t toc_offset = 0;
    FileImage image = lay_out(layout, toc_bytes, toc_offset);

    Trailer trailer;
    std::uint64_t trailer_offset = (image.end + 7) / 8 * 8;
    trailer.file_bytes = trailer_offset + kTrailerBytes;
    FileSink out(path);
    out.reserve(trailer.file_bytes);
    for (const auto& [page, bytes] : image.pages) {
      std::uint64_t offset = page * FileImage::kPage;
      if (offset >= image.end) continue;
      out.write(offset, ByteView(bytes).first(std::min<std::uint64_t>(FileImage::kPage, image.end - offset)));
    }
    for (std::size_t i = 0; i < toc.columns.size(); ++i) encoders_.columns()[i]->write(toc.columns[i], out);
    Bytes encoded = encode_toc(toc);
    TAJO_ASSERT(encoded.size() == toc_bytes);
    out.write(toc_offset, encoded);
    trailer.toc_offset = toc_offset;
    trailer.toc_bytes = toc_bytes;
    trailer.toc_digest = digest(encoded);
    out.write(trailer_offset, encode_trailer(trailer));
    out.publish();

    data::FragmentInfo info;
    info.path = std::filesystem::path(path).filename().string();
    info.rows = toc.rows;
    info.bytes = trailer.file_bytes;
    info.footer_digest = trailer.toc_digest;
    for (TocColumn& c : toc.columns) info.columns.push_back(std::move(c.statistics));
    return info;
  }

 private:
  data::Schema schema_;
  Encoders encoders_;
  bool finished_ = false;
};

}  // namespace
}  // namespace hdf5

std::unique_ptr<FragmentWriter> make_fragment_writer(const data::Schema& schema,
                                                     const std::map<std::string, std::string>& options) {
  auto compression = options.find("compression");
  if (compression != options.end() && compression->second != "none")
    throw Error(sqlstate::kFeatureNotSupported, "compression \"" + compression->second + "\" is not supported")
        .hint("Tables are stored without compression in this version: leave the option out or set it to 'none'.");
  return std::make_unique<hdf5::Writer>(schema);
}

data::FragmentInfo make_inline_fragment(const data::Schema& schema, Bytes block) {
  data::FragmentInfo info;
  auto rows = std::make_shared<const Bytes>(std::move(block));
  hdf5::Encoders encoders(schema);
  data::BlockReader reader{ByteView(*rows)};
  data::Arena arena;
  data::Batch batch;
  batch.arena = &arena;
  while (reader.next(batch)) {
    encoders.append(batch);
    arena.reset();
  }
  info.rows = encoders.rows();
  info.bytes = rows->size();
  for (hdf5::TocColumn& c : encoders.describe(schema).columns) {
    c.statistics.sketch.clear();  // a KiB a column would outweigh the rows in the log
    info.columns.push_back(std::move(c.statistics));
  }
  info.inline_rows = std::move(rows);
  return info;
}

}  // namespace tajo::storage
