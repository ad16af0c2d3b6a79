#include <algorithm>
#include <numeric>

#include "tajo/data/crc32c.hpp"
#include "hdf5/encoders.hpp"
#include "hdf5/layout.hpp"
#include "hdf5/word_table.hpp"
#include "sketch.hpp"

namespace tajo::storage::hdf5 {
namespace {

constexpr std::uint32_t kNullCode = ~std::uint32_t{0};
constexpr std::size_t kMaxWords = std::size_t{1} << 20;

/// Starts with a dictionary and gives it up at the end of the first block that shows it does not pay.
class TextEncoder : public ColumnEncoder {
 public:
  explicit TextEncoder(const data::Type& type) : type_(type) { codes_.reserve(data::kBlockRows); }

  void append(const data::Vector& v, const RowRange& rows) override {
    bool coded = v.form == data::Vector::Form::kCodes || v.form == data::Vector::Form::kStored;
    if (coded && with_words_ && !increasing_ && v.dictionary->id != 0) return append_codes(v, rows);
    for_each_text(v, rows, [this](std::uint32_t, const data::Str* text) {
      if (text == nullptr) {
        add_null();
      } else {
        add(text->view());
      }
    });
  }

  void end_block() override {
    if (count_ == 0) return;
    Block b;
    b.rows = count_;
    b.nulls = valid_.nulls();
    if (b.nulls > 0) b.valid.assign(valid_.words(), valid_.words() + (count_ + 63) / 64);
    if (with_words_) {
      b.codes = std::move(codes_);
      bytes_ += b.codes.size() * 2;
    } else {
      b.lengths = std::move(lengths_);
      b.text = std::move(text_);
      b.min = std::move(min_);
      b.max = std::move(max_);
      bytes_ += b.lengths.size() * 4 + b.text.size();
    }
    std::size_t last_text = b.text.size();
    rows_ += count_;
    nulls_ += b.nulls;
    blocks_.push_back(std::move(b));
    codes_ = {};
    lengths_ = {};
    text_ = {};
    min_ = {};
    max_ = {};
    valid_.reset();
    count_ = 0;
    if (with_words_ && (words_->size() > kMaxWords || words_->size() * 2 > rows_ - nulls_) && rows_ >= data::kBlockRows)
      give_up_words();
    if (!with_words_) {
      lengths_.reserve(data::kBlockRows);
      text_.reserve(last_text + last_text / 8);
    } else {
      codes_.reserve(data::kBlockRows);
    }
  }

  std::size_t bytes() const override {
    return bytes_ + (with_words_ ? words_->bytes() + words_->size() * 4 + codes_.size() * 2 : lengths_.size() * 4 + text_.size());
  }

  void describe(TocColumn& c) override {
    if (with_words_ && !words_pay()) give_up_words();
    c.statistics.nulls = nulls_;
    c.statistics.strictly_increasing = increasing_ && nulls_ == 0 && rows_ > 0;
    if (with_words_) {
      describe_words(c);
    } else {
      describe_text(c);
    }
    if (c.statistics.strictly_increasing) c.statistics.distinct = rows_;
    c.statistics.sketch = sketch_.bytes();
  }

  std::vector<std::string> enum_names() const override {
    // An enum has no name for the spare code of NULL, which some readers of netCDF-4 refuse.
    if (!with_words_ || nulls_ > 0 || type_.id == data::TypeId::kBlob) return {};
    std::vector<std::string_view> words;
    for (std::uint32_t code : order_) words.push_back(words_->words()[code].view());
    if (!fits_enum(words)) return {};
    return {words.begin(), words.end()};
  }

  void write(TocColumn& c, FileSink& out) override {
    if (with_words_) {
      write_words(c, out);
    } else {
      write_text(c, out);
    }
  }

 private:
  struct Block {
    std::uint32_t rows = 0;
    std::uint64_t nulls = 0;
    std::vector<std::uint32_t> codes;    // with words
    std::vector<std::uint32_t> lengths;  // without
    std::vector<char> text;
    std::string min;
    std::string max;
    std::vector<std::uint64_t> valid;
  };

  /// Each word of a known dictionary is looked up once.
  void append_codes(const data::Vector& v, const RowRange& rows) {
    if (v.dictionary->id != known_id_) {
      known_id_ = v.dictionary->id;
      known_.assign(v.dictionary->values.size(), kNullCode);
    }
    const data::Str* words = v.dictionary->values.data();
    for_each_text(v, rows, [&](std::uint32_t, const data::Str* text) {
      if (text == nullptr) return add_null();
      std::uint32_t& code = known_[static_cast<std::size_t>(text - words)];
      if (code == kNullCode) code = words_->add(text->view(), Sketch::hash(text->view()));
      codes_.push_back(code);
      ++count_;
    });
  }

  void add_null() {
    valid_.set_null(count_++);
    if (with_words_) {
      codes_.push_back(kNullCode);
    } else {
      lengths_.push_back(0);
    }
  }

  void add(std::string_view s) {
    std::uint64_t hash = Sketch::hash(s);
    if (increasing_) {
      increasing_ = rows_ + count_ == 0 || last_ < s;
      last_ = s;
    }
    if (with_words_) {
      codes_.push_back(words_->add(s, hash));
    } else {
      sketch_.add(hash);
      add_text(s, count_ == valid_.nulls(), lengths_, text_, min_, max_);
    }
    ++count_;
  }

  static void add_text(std::string_view s, bool first, std::vector<std::uint32_t>& lengths, std::vector<char>& text,
                       std::string& min, std::string& max) {
    lengths.push_back(static_cast<std::uint32_t>(s.size()));
    text.insert(text.end(), s.begin(), s.end());
    if (first || s < std::string_view(min)) min = s;
    if (first || s > std::string_view(max)) max = s;
  }

  static std::size_t code_width(std::size_t words, bool nulls) {
    std::size_t codes = words + (nulls ? 1 : 0);
    return codes <= 256 ? 1 : codes <= 65536 ? 2 : 4;
  }

  bool words_pay() const {
    std::uint64_t text_bytes = 0;
    std::vector<std::uint64_t> uses(words_->size());
    for (const Block& b : blocks_)
      for (std::uint32_t code : b.codes)
        if (code != kNullCode) ++uses[code];
    for (std::size_t i = 0; i < uses.size(); ++i) text_bytes += uses[i] * words_->words()[i].size;
    std::uint64_t with = words_->bytes() + words_->size() * 4 + rows_ * code_width(words_->size(), nulls_ > 0);
    std::uint64_t without = text_bytes + rows_ * 4 + (nulls_ > 0 ? rows_ / 8 : 0);
    return with < without && words_->bytes() < std::uint64_t{1} << 31;
  }

  void give_up_words() {
    for (Block& b : blocks_) {
      bool first = true;
      b.lengths.reserve(b.rows);
      for (std::uint32_t code : b.codes) {
        if (code == kNullCode) {
          b.lengths.push_back(0);
          continue;
        }
        add_text(words_->words()[code].view(), first, b.lengths, b.text, b.min, b.max);
        first = false;
      }
      bytes_ += b.text.size() + b.lengths.size() * 2;
      b.codes = {};
    }
    for (std::uint32_t code = 0; code < words_->size(); ++code) sketch_.add(words_->hash(code));
    with_words_ = false;
    words_ = nullptr;
  }

  void describe_words(TocColumn& c) {
    std::size_t n = words_->size();
    order_.resize(n);
    std::iota(order_.begin(), order_.end(), 0U);
    const auto& words = words_->words();
    std::sort(order_.begin(), order_.end(),
              [&words](std::uint32_t a, std::uint32_t b) { return words[a].view() < words[b].view(); });
    std::vector<std::uint32_t> rank(n);
    for (std::uint32_t i = 0; i < n; ++i) rank[order_[i]] = i;
    for (std::uint32_t code = 0; code < n; ++code) sketch_.add(words_->hash(code));
    for (Block& b : blocks_) {
      TocBlock t;
      t.nulls = b.nulls;
      t.has_values = b.nulls < b.rows;
      std::uint32_t lo = kNullCode;
      std::uint32_t hi = 0;
      for (std::uint32_t& code : b.codes) {
        if (code == kNullCode) continue;
        code = rank[code];
        lo = std::min(lo, code);
        hi = std::max(hi, code);
      }
      if (t.has_values) {
        t.min = lower_bound_text(words[order_[lo]].view());
        t.max = upper_bound_text(words[order_[hi]].view());
      }
      c.blocks.push_back(std::move(t));
    }
    std::size_t width = code_width(n, nulls_ > 0);
    c.encoding = Encoding::kDictionary;
    c.stored = width == 1 ? data::Stored::kU8 : width == 2 ? data::Stored::kU16 : data::Stored::kU32;
    c.has_null_value = nulls_ > 0;
    c.null_value = c.has_null_value ? static_cast<std::int64_t>(n) : 0;
    c.words = static_cast<std::uint32_t>(n);
    c.values.bytes = rows_ * width;
    c.dictionary_bytes.bytes = words_->bytes();
    c.statistics.distinct = n;
    if (n > 0) {
      c.statistics.min = std::string(words[order_.front()].view());
      c.statistics.max = std::string(words[order_.back()].view());
    }
  }

  void describe_text(TocColumn& c) {
    const std::string* min = nullptr;
    const std::string* max = nullptr;
    std::uint64_t text_bytes = 0;
    for (const Block& b : blocks_) {
      TocBlock t;
      t.nulls = b.nulls;
      t.has_values = b.nulls < b.rows;
      text_bytes += b.text.size();
      if (t.has_values) {
        t.min = lower_bound_text(b.min);
        t.max = upper_bound_text(b.max);
        if (min == nullptr || b.min < *min) min = &b.min;
        if (max == nullptr || b.max > *max) max = &b.max;
      }
      c.blocks.push_back(std::move(t));
    }
    c.encoding = Encoding::kText;
    c.wide_offsets = text_bytes > ~std::uint32_t{0};
    c.offsets.bytes = (rows_ + 1) * (c.wide_offsets ? 8 : 4);
    c.text.bytes = text_bytes;
    if (nulls_ > 0) c.valid.bytes = validity_bytes(rows_);
    c.statistics.distinct = std::min(sketch_.estimate(), rows_ - nulls_);
    if (min != nullptr) c.statistics.min = *min;
    if (max != nullptr) c.statistics.max = *max;
  }

  template <class S>
  void write_codes(TocColumn& c, FileSink& out) {
    std::vector<S> codes;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const Block& b = blocks_[i];
      codes.resize(b.rows);
      for (std::uint32_t r = 0; r < b.rows; ++r)
        codes[r] = static_cast<S>(b.codes[r] == kNullCode ? static_cast<std::uint32_t>(c.null_value) : b.codes[r]);
      ByteView view = std::as_bytes(std::span(codes));
      c.blocks[i].values_crc = data::crc32c(view);
      out.write(c.values.offset + i * data::kBlockRows * sizeof(S), view);
    }
  }

  void write_words(TocColumn& c, FileSink& out) {
    if (c.stored == data::Stored::kU8) write_codes<std::uint8_t>(c, out);
    if (c.stored == data::Stored::kU16) write_codes<std::uint16_t>(c, out);
    if (c.stored == data::Stored::kU32) write_codes<std::uint32_t>(c, out);
    std::vector<std::uint32_t> offsets{0};
    std::vector<char> bytes;
    bytes.reserve(words_->bytes());
    for (std::uint32_t code : order_) {
      std::string_view w = words_->words()[code].view();
      bytes.insert(bytes.end(), w.begin(), w.end());
      offsets.push_back(static_cast<std::uint32_t>(bytes.size()));
    }
    ByteView offsets_view = std::as_bytes(std::span(offsets));
    ByteView bytes_view = std::as_bytes(std::span(bytes));
    c.dictionary_crc = data::crc32c(bytes_view, data::crc32c(offsets_view));
    out.write(c.dictionary_offsets.offset, offsets_view);
    out.write(c.dictionary_bytes.offset, bytes_view);
  }

  template <class O>
  void write_offsets(TocColumn& c, FileSink& out) {
    std::vector<O> offsets;
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const Block& b = blocks_[i];
      offsets.assign(1, static_cast<O>(at));
      for (std::uint32_t n : b.lengths) offsets.push_back(static_cast<O>(at += n));
      ByteView view = std::as_bytes(std::span(offsets));
      c.blocks[i].values_crc = data::crc32c(view);
      out.write(c.offsets.offset + i * data::kBlockRows * sizeof(O), view);
    }
    O zero = 0;
    if (blocks_.empty()) out.write(c.offsets.offset, std::as_bytes(std::span(&zero, 1)));
  }

  void write_text(TocColumn& c, FileSink& out) {
    if (c.wide_offsets) {
      write_offsets<std::uint64_t>(c, out);
    } else {
      write_offsets<std::uint32_t>(c, out);
    }
    std::uint64_t at = c.text.offset;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const Block& b = blocks_[i];
      ByteView view = std::as_bytes(std::span(b.text));
      c.blocks[i].text_crc = data::crc32c(view);
      out.write(at, view);
      at += view.size();
      if (c.valid.bytes == 0) continue;
      std::vector<std::uint64_t> bits = b.valid;
      if (bits.empty()) bits.assign((b.rows + 63) / 64, ~std::uint64_t{0});
      ByteView valid = std::as_bytes(std::span(bits));
      c.blocks[i].valid_crc = data::crc32c(valid);
      out.write(c.valid.offset + i * (data::kBlockRows / 8), valid);
    }
  }

  data::Type type_;
  bool with_words_ = true;
  std::unique_ptr<WordTable> words_ = std::make_unique<WordTable>();
  std::uint64_t known_id_ = 0;
  std::vector<std::uint32_t> known_;  // by the known dictionary's code: ours
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint32_t> lengths_;
  std::vector<char> text_;
  std::string min_;
  std::string max_;
  BlockValidity valid_;
  std::uint32_t count_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> order_;
  std::size_t bytes_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t nulls_ = 0;
  bool increasing_ = true;
  std::string last_;
  Sketch sketch_;
};

}  // namespace

std::unique_ptr<ColumnEncoder> make_text_encoder(const data::Type& type) { return std::make_unique<TextEncoder>(type); }

}  // namespace tajo::storage::hdf5
