#include <algorithm>

#include "listing.hpp"
#include "managed_scan.hpp"
#include "source.hpp"

namespace tajo::storage {
namespace {

class StorageImpl : public Storage {
 public:
  explicit StorageImpl(std::string warehouse) : warehouse_(std::move(warehouse)) {
    formats_["parquet"] = make_parquet_format();
    formats_["orc"] = make_orc_format();
    formats_["json"] = make_json_format();
    formats_["csv"] = make_text_format(true);
    formats_["text"] = make_text_format(false);
    formats_["hdf5"] = make_hdf5_format();
  }

  std::shared_ptr<const Scan> scan(ScanRequest request) override;

  std::vector<data::Split> splits(const ScanRequest& request, std::uint64_t target_rows) override {
    std::vector<data::Split> out;
    for (std::uint32_t i = 0; i < request.fragments.size(); ++i) {
      if (request.source.managed || request.fragments[i].inline_rows) {
        managed_splits(request, i, target_rows, warehouse_, *files_, out);
      } else {
        auto more = format(request.source).splits(request, i, target_rows);
        out.insert(out.end(), more.begin(), more.end());
      }
    }
    return out;
  }

  std::vector<data::FragmentInfo> list_external(const data::TableSource& source) override {
    ExternalFormat& f = format(source);
    std::vector<data::FragmentInfo> out = list_files(source.location, f.suffixes());
    for (data::FragmentInfo& info : out) {
      info.id = static_cast<std::uint32_t>(&info - out.data());
      info.unknown_rows = !f.count_rows(source, info.path, info.rows);
    }
    return out;
  }

  data::Schema infer_schema(const data::TableSource& source) override {
    ExternalFormat& f = format(source);
    std::vector<data::FragmentInfo> files = list_files(source.location, f.suffixes());
    return f.infer(source, files.front().path);
  }

  void release_removed() override { files_->drop_removed(); }

  ExternalFormat& format(const data::TableSource& source) const {
    auto it = formats_.find(source.format);
    if (it == formats_.end())
      throw Error("42704", "storage format \"" + source.format + "\" does not exist")
          .hint("The formats are hdf5, parquet, orc, csv, text and json.");
    return *it->second;
  }


 private:
  std::string warehouse_;
  std::shared_ptr<FileCache> files_ = std::make_shared<FileCache>();
  std::map<std::string, std::shared_ptr<ExternalFormat>> formats_;
};

class ScanImpl : public Scan {
 public:
  ScanImpl(ScanRequest request, std::string warehouse, std::shared_ptr<FileCache> files,
           std::shared_ptr<ExternalFormat> format)
      : request_(std::make_shared<const ScanRequest>(std::move(request))), warehouse_(std::move(warehouse)),
        files_(std::move(files)), format_(std::move(format)) {}

  std::unique_ptr<SplitReader> open(const data::Split& split) const override {
    TAJO_ASSERT(split.fragment < request_->fragments.size());
    const data::FragmentInfo& fragment = request_->fragments[split.fragment];
    if (fragment.inline_rows) return open_inline(request_, split);
    if (request_->source.managed) return open_managed(request_, split, warehouse_, *files_);
    check_unchanged(fragment);
    return format_->open(request_, split);
  }

 private:
  std::shared_ptr<const ScanRequest> request_;
  std::string warehouse_;
  std::shared_ptr<FileCache> files_;
  std::shared_ptr<ExternalFormat> format_;
};

std::shared_ptr<const Scan> StorageImpl::scan(ScanRequest request) {
  for (std::uint32_t column : request.columns) TAJO_ASSERT(column < request.source.schema.columns.size());
  std::shared_ptr<ExternalFormat> f;
  if (!request.source.managed) {
    format(request.source);
    f = formats_[request.source.format];
  }
  return std::make_shared<ScanImpl>(std::move(request), warehouse_, files_, std::move(f));
}

}  // namespace

std::unique_ptr<Storage> Storage::make(const std::string& warehouse_directory) {
  return std::make_unique<StorageImpl>(warehouse_directory);
}

}  // namespace tajo::storage
