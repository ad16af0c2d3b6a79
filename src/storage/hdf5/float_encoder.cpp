#include <cmath>

#include "hdf5/encoders.hpp"
#include "hdf5/number_encoder.hpp"

namespace tajo::storage::hdf5 {
namespace {

/// NULL is NaN for tools and a cleared bit of the validity dataset for us, so that a NaN of the user's own stays one.
template <class T>
class FloatEncoder final : public FixedEncoder<T> {
 public:
  void end_block() override {
    std::uint32_t n = this->count_;
    if (n == 0) return;
    auto b = this->begin_block();
    T* values = this->values_.data();
    b.width = sizeof(T);
    for (std::uint32_t i = 0; i < n; ++i) {
      if (!this->valid_.valid(i)) {
        values[i] = std::numeric_limits<T>::quiet_NaN();
        this->increasing_ = false;
        continue;
      }
      T v = values[i];
      if (!b.has_values || less(v, b.min)) b.min = v;
      if (!b.has_values || less(b.max, v)) b.max = v;
      b.has_values = true;
      if (this->increasing_) {
        bool first = this->rows_ == 0 && i == 0;
        this->increasing_ = first || less(this->last_, v);
        this->last_ = v;
      }
      // Equal values of either float type hash alike: -0 and 0 are one, so are all NaN.
      double d = v == 0 ? 0.0 : static_cast<double>(v);
      if (std::isnan(d)) d = std::numeric_limits<double>::quiet_NaN();
      std::int64_t bits;
      std::memcpy(&bits, &d, sizeof bits);
      this->sketch_.add(Sketch::hash(bits));
    }
    const auto* p = reinterpret_cast<const std::byte*>(values);
    b.data.assign(p, p + n * sizeof(T));
    this->keep(std::move(b));
  }

  void write(TocColumn& c, FileSink& out) override {
    for (std::size_t i = 0; i < this->blocks_.size(); ++i) {
      const auto& b = this->blocks_[i];
      c.blocks[i].values_crc = data::crc32c(b.data);
      out.write(c.values.offset + i * data::kBlockRows * sizeof(T), b.data);
      this->write_validity(b, i, c, out);
    }
  }

 private:
  data::Value value(T v) const override { return static_cast<double>(v); }
  bool less(T a, T b) const override { return std::isnan(b) ? !std::isnan(a) : a < b; }
  void choose_storage(TocColumn& c, T, T) override { c.stored = sizeof(T) == 4 ? data::Stored::kF32 : data::Stored::kF64; }
};

}  // namespace

std::unique_ptr<ColumnEncoder> make_float_encoder(const data::Type& type) {
  if (type.id == data::TypeId::kFloat4) return std::make_unique<FloatEncoder<float>>();
  return std::make_unique<FloatEncoder<double>>();
}

std::unique_ptr<ColumnEncoder> ColumnEncoder::make(const data::Type& type) {
  switch (data::physical_of(type)) {
    case data::Physical::kStr: return make_text_encoder(type);
    case data::Physical::kF32:
    case data::Physical::kF64: return make_float_encoder(type);
    default: return make_integer_encoder(type);
  }
}

}  // namespace tajo::storage::hdf5
