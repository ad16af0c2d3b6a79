#include <algorithm>

#include "block_layout.hpp"
#include "tajo/common/error.hpp"
#include "tajo/data/batch_codec.hpp"
#include "tajo/data/crc32c.hpp"
#include "tajo/data/load.hpp"

namespace tajo::data {

namespace {

[[noreturn]] void damaged(const char* what) {
  throw Error(sqlstate::kDataCorrupted, std::string("damaged block of rows: ") + what);
}

/// Where one column's parts lie; every pointer was checked against the block's end.
struct ColumnView {
  block::ColumnHeader header{};
  const std::uint64_t* valid = nullptr;
  const std::byte* values = nullptr;
  const std::uint32_t* offsets = nullptr;
  const char* text = nullptr;
  std::vector<Str> entries;
  Dictionary dictionary;
};

template <class T>
const T* take(const std::byte*& at, const std::byte* end, std::size_t n) {
  if (n > static_cast<std::size_t>(end - at) / sizeof(T)) damaged("a column ends too early");
  const auto* out = reinterpret_cast<const T*>(at);
  at += n * sizeof(T);
  return out;
}

void check_offsets(const std::uint32_t* offsets, std::size_t n, std::size_t text_bytes) {
  if (offsets[0] != 0) damaged("text offsets do not start at 0");
  for (std::size_t i = 0; i < n; ++i)
    if (offsets[i] > offsets[i + 1]) damaged("text offsets decrease");
  if (offsets[n] > text_bytes) damaged("text offsets beyond the text");
}

bool width_allowed(Physical type, Stored stored) {
  switch (type) {
    case Physical::kF32: return stored == Stored::kF32;
    case Physical::kF64: return stored == Stored::kF64;
    case Physical::kBool: return stored == Stored::kU8 || stored == Stored::kI8;
    case Physical::kStr: return stored == Stored::kU8 || stored == Stored::kU16 || stored == Stored::kU32;
    default: break;
  }
  return stored != Stored::kF32 && stored != Stored::kF64 && stored_width(stored) <= physical_width(type);
}

}  // namespace

struct BlockReader::State {
  std::vector<__int128> aligned_copy;  // only when the caller's bytes are not 16-aligned
  std::vector<ColumnView> views;
  std::vector<Physical> types;
  std::uint64_t rows = 0;
  std::uint64_t next_row = 0;
  Arena own_arena;

  explicit State(ByteView block) {
    if (block.size() < sizeof(block::Header) + 4) damaged("too short");
    std::uint32_t crc = 0;
    std::memcpy(&crc, block.data() + block.size() - 4, 4);
    if (crc32c(block.first(block.size() - 4)) != crc) damaged("checksum differs");
    if (reinterpret_cast<std::uintptr_t>(block.data()) % block::kAlign != 0) {
      aligned_copy.resize((block.size() + sizeof(__int128) - 1) / sizeof(__int128));
      std::memcpy(aligned_copy.data(), block.data(), block.size());
      block = {reinterpret_cast<const std::byte*>(aligned_copy.data()), block.size()};
    }
    parse(block.first(block.size() - 4));
  }

  void parse(ByteView block) {
    const std::byte* at = block.data();
    const std::byte* const end = at + block.size();
    const auto header = *take<block::Header>(at, end, 1);
    if (header.magic != block::kMagic) damaged("not a block");
    if (header.columns > block::kMaxColumns || header.rows > kMaxBlockRows) damaged("impossible size");
    rows = header.rows;
    const auto* columns = take<block::ColumnHeader>(at, end, header.columns);
    views.resize(header.columns);
    for (std::uint32_t c = 0; c < header.columns; ++c) {
      views[c].header = columns[c];
      if (columns[c].physical > Physical::kStr || columns[c].stored > Stored::kI128 ||
          columns[c].encoding > block::Encoding::kDictionary)
        damaged("unknown type or encoding");
      types.push_back(columns[c].physical);
      if (columns[c].offset > block.size() || columns[c].bytes > block.size() - columns[c].offset ||
          columns[c].offset % block::kAlign != 0)
        damaged("a column lies outside");
      if (rows > 0) parse_column(views[c], block.data() + columns[c].offset, columns[c].bytes);
    }
  }

  void parse_column(ColumnView& view, const std::byte* at, std::size_t bytes) {
    const std::byte* const end = at + bytes;
    const block::ColumnHeader& header = view.header;
    if (header.has_nulls != 0) view.valid = take<std::uint64_t>(at, end, block::bitmap_bytes(rows) / 8);
    const bool text = header.physical == Physical::kStr;
    switch (header.encoding) {
      case block::Encoding::kConstant:
        if (text || header.physical == Physical::kF32 || header.physical == Physical::kF64) damaged("constant of this type");
        return;
      case block::Encoding::kValues:
        if (text || !width_allowed(header.physical, header.stored)) damaged("width does not fit the type");
        view.values = take<std::byte>(at, end, rows * stored_width(header.stored));
        return;
      case block::Encoding::kText:
        if (!text) damaged("text of another type");
        view.offsets = take<std::uint32_t>(at, end, rows + 1);
        view.text = reinterpret_cast<const char*>(at);
        check_offsets(view.offsets, rows, static_cast<std::size_t>(end - at));
        return;
      case block::Encoding::kDictionary: {
        if (!text || !width_allowed(Physical::kStr, header.stored)) damaged("dictionary of another type");
        view.values = take<std::byte>(at, end, block::align_up(rows * stored_width(header.stored), 4));
        const auto* offsets = take<std::uint32_t>(at, end, std::size_t{header.entries} + 1);
        const auto* strings = reinterpret_cast<const char*>(at);
        check_offsets(offsets, header.entries, static_cast<std::size_t>(end - at));
        view.entries.reserve(header.entries);
        for (std::uint32_t e = 0; e < header.entries; ++e)
          view.entries.emplace_back(std::string_view(strings + offsets[e], offsets[e + 1] - offsets[e]));
        view.dictionary.values = view.entries;
        return;
      }
    }
  }

  Vector read(const ColumnView& view, std::uint32_t n, Arena& arena) const {
    Vector out;
    out.type = view.header.physical;
    if (view.valid != nullptr) out.valid = view.valid + next_row / 64;
    const Selection all{nullptr, n};
    switch (view.header.encoding) {
      case block::Encoding::kConstant: out.data = fill(view, n, arena); return out;
      case block::Encoding::kText: {
        auto* strings = arena.array<Str>(n);
        for (std::uint32_t i = 0; i < n; ++i) {
          const std::uint32_t begin = view.offsets[next_row + i];
          strings[i] = Str(std::string_view(view.text + begin, view.offsets[next_row + i + 1] - begin));
        }
        out.data = strings;
        return out;
      }
      case block::Encoding::kValues:
      case block::Encoding::kDictionary: break;
    }
    out.form = Vector::Form::kStored;
    out.stored = view.header.stored;
    out.data = view.values + next_row * stored_width(view.header.stored);
    if (view.header.encoding == block::Encoding::kDictionary) out.dictionary = &view.dictionary;
    out = load(out, n, all, arena);
    return out;
  }

  static const void* fill(const ColumnView& view, std::uint32_t n, Arena& arena) {
    const auto constant = view.header.constant;
    const auto filled = [&]<class T>(T value) {
      T* values = arena.array<T>(n);
      std::fill_n(values, n, value);
      return static_cast<const void*>(values);
    };
    switch (view.header.physical) {
      case Physical::kBool: return filled(static_cast<std::uint8_t>(constant != 0));
      case Physical::kI32: return filled(static_cast<std::int32_t>(constant));
      case Physical::kI64: return filled(static_cast<std::int64_t>(constant));
      default: return filled(constant);
    }
  }
};

BlockReader::BlockReader(ByteView block) : state_(std::make_unique<State>(block)) {}
BlockReader::~BlockReader() = default;
BlockReader::BlockReader(BlockReader&&) noexcept = default;
BlockReader& BlockReader::operator=(BlockReader&&) noexcept = default;

std::uint64_t BlockReader::rows() const { return state_->rows; }
const std::vector<Physical>& BlockReader::columns() const { return state_->types; }

bool BlockReader::next(Batch& out) {
  State& state = *state_;
  if (state.next_row >= state.rows) return false;
  if (out.arena == nullptr || out.arena == &state.own_arena) {
    state.own_arena.reset();
    out.arena = &state.own_arena;
  }
  const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(kVectorRows, state.rows - state.next_row));
  out.columns.resize(state.views.size());
  for (std::size_t c = 0; c < state.views.size(); ++c) out.columns[c] = state.read(state.views[c], n, *out.arena);
  out.rows = n;
  out.selection = Selection{nullptr, n};
  state.next_row += n;
  return true;
}

}  // namespace tajo::data
