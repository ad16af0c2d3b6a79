#include "catalog_records.hpp"

#include <cereal/archives/binary.hpp>
#include <istream>
#include <ostream>
#include <streambuf>

namespace tajo::catalog {

namespace {

/// Appends to a byte vector.
class OutputBuffer : public std::streambuf {
 public:
  Bytes bytes;

 protected:
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) bytes.push_back(static_cast<std::byte>(c));
    return c;
  }
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    const auto* first = reinterpret_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), first, first + size);
    return size;
  }
};

/// Reads a byte view and knows what is left, so that a damaged length never makes us allocate.
class InputBuffer : public std::streambuf {
 public:
  explicit InputBuffer(ByteView in) {
    char* first = const_cast<char*>(reinterpret_cast<const char*>(in.data()));
    setg(first, first, first + in.size());
  }
  std::size_t left() const { return static_cast<std::size_t>(egptr() - gptr()); }
};

using Saver = cereal::BinaryOutputArchive;
class Loader : public cereal::BinaryInputArchive {
 public:
  Loader(InputBuffer& buffer, std::istream& stream) : cereal::BinaryInputArchive(stream), buffer_(buffer) {}
  std::size_t left() const { return buffer_.left(); }

 private:
  InputBuffer& buffer_;
};

[[noreturn]] void damaged(const char* what) { throw Error(sqlstate::kDataCorrupted, std::string("damaged catalog record: ") + what); }

std::size_t load_size(Loader& in) {
  std::uint64_t size = 0;
  in(size);
  if (size > in.left()) damaged("a length exceeds the record");
  return static_cast<std::size_t>(size);
}

void put(Saver& out, bool v) { out(static_cast<std::uint8_t>(v)); }
void put(Saver& out, std::uint32_t v) { out(v); }
void put(Saver& out, std::uint64_t v) { out(v); }
void put(Saver& out, std::int64_t v) { out(v); }
void put(Saver& out, const std::string& v) {
  out(static_cast<std::uint64_t>(v.size()));
  out(cereal::binary_data(v.data(), v.size()));
}
void put(Saver& out, const Bytes& v) {
  out(static_cast<std::uint64_t>(v.size()));
  out(cereal::binary_data(v.data(), v.size()));
}

void get(Loader& in, bool& v) {
  std::uint8_t byte = 0;
  in(byte);
  if (byte > 1) damaged("a flag is neither 0 nor 1");
  v = byte == 1;
}
void get(Loader& in, std::uint32_t& v) { in(v); }
void get(Loader& in, std::uint64_t& v) { in(v); }
void get(Loader& in, std::int64_t& v) { in(v); }
void get(Loader& in, std::string& v) {
  v.resize(load_size(in));
  in(cereal::binary_data(v.data(), v.size()));
}
void get(Loader& in, Bytes& v) {
  v.resize(load_size(in));
  in(cereal::binary_data(v.data(), v.size()));
}

void put(Saver& out, const data::Value& v) {
  ByteWriter writer;
  data::put_value(writer, v);
  put(out, writer.buffer());
}
void get(Loader& in, data::Value& v) {
  Bytes bytes;
  get(in, bytes);
  ByteReader reader(bytes);
  v = data::get_value(reader);
}

// The fields of each structure, once for both directions.
template <class Archive, class Type>
requires std::same_as<std::remove_const_t<Type>, data::Type>
void fields(Archive& ar, Type& v) {
  auto id = static_cast<std::uint8_t>(v.id);
  ar(id, v.precision, v.scale, v.length);
  if constexpr (!std::is_const_v<Type>) {
    if (id > static_cast<std::uint8_t>(data::TypeId::kInterval)) damaged("unknown type");
    v.id = static_cast<data::TypeId>(id);
  }
}

void put(Saver& out, const data::Type& v) { fields(out, v); }
void get(Loader& in, data::Type& v) { fields(in, v); }

template <class T>
void put(Saver& out, const std::vector<T>& v);
template <class T>
void get(Loader& in, std::vector<T>& v);
void put(Saver& out, const std::map<std::string, std::string>& v);
void get(Loader& in, std::map<std::string, std::string>& v);

#define TAJO_CATALOG_FIELDS(Structure, ...)                         \
  void put(Saver& ar, const Structure& v) {                         \
    const auto each = [&](const auto&... f) { (put(ar, f), ...); }; \
    each(__VA_ARGS__);                                              \
  }                                                                 \
  void get(Loader& ar, Structure& v) {                              \
    const auto each = [&](auto&... f) { (get(ar, f), ...); };       \
    each(__VA_ARGS__);                                              \
  }

TAJO_CATALOG_FIELDS(data::Column, v.name, v.type, v.not_null)
TAJO_CATALOG_FIELDS(data::Schema, v.columns)
TAJO_CATALOG_FIELDS(data::TableSource, v.format, v.managed, v.location, v.options, v.schema)
TAJO_CATALOG_FIELDS(data::ColumnStatistics, v.min, v.max, v.nulls, v.distinct, v.strictly_increasing, v.sketch)
TAJO_CATALOG_FIELDS(User, v.name, v.scram_secret, v.superuser)
TAJO_CATALOG_FIELDS(CreateDatabase, v.name)
TAJO_CATALOG_FIELDS(DropDatabase, v.name)
TAJO_CATALOG_FIELDS(DropTable, v.database, v.name)
TAJO_CATALOG_FIELDS(PutUser, v.user)
TAJO_CATALOG_FIELDS(DropUser, v.name)

void put(Saver& ar, const data::FragmentInfo& v) {
  put(ar, v.id);
  put(ar, v.path);
  put(ar, v.rows);
  put(ar, v.unknown_rows);
  put(ar, v.bytes);
  put(ar, v.mtime_us);
  put(ar, v.footer_digest);
  put(ar, v.columns);
  put(ar, v.inline_rows != nullptr);
  if (v.inline_rows) put(ar, *v.inline_rows);
}

void get(Loader& ar, data::FragmentInfo& v) {
  get(ar, v.id);
  get(ar, v.path);
  get(ar, v.rows);
  get(ar, v.unknown_rows);
  get(ar, v.bytes);
  get(ar, v.mtime_us);
  get(ar, v.footer_digest);
  get(ar, v.columns);
  bool inline_rows = false;
  get(ar, inline_rows);
  if (!inline_rows) return;
  Bytes rows;
  get(ar, rows);
  v.inline_rows = std::make_shared<const Bytes>(std::move(rows));
}

TAJO_CATALOG_FIELDS(CreateTable, v.database, v.name, v.external, v.source, v.fragments)
TAJO_CATALOG_FIELDS(CommitFragments, v.table, v.replace, v.add, v.remove)
TAJO_CATALOG_FIELDS(Table, v.number, v.database, v.name, v.external, v.source, v.fragments, v.version, v.next_fragment)
#undef TAJO_CATALOG_FIELDS

template <class T>
void put(Saver& out, const std::vector<T>& v) {
  out(static_cast<std::uint64_t>(v.size()));
  for (const T& element : v) put(out, element);
}

// Every element takes at least a byte, so load_size bounds the count by the record's own size.
template <class T>
void get(Loader& in, std::vector<T>& v) {
  const std::size_t count = load_size(in);
  v.clear();
  for (std::size_t i = 0; i < count; ++i) {
    T element{};
    get(in, element);
    v.push_back(std::move(element));
  }
}

void put(Saver& out, const std::map<std::string, std::string>& v) {
  out(static_cast<std::uint64_t>(v.size()));
  for (const auto& [key, value] : v) {
    put(out, key);
    put(out, value);
  }
}

void get(Loader& in, std::map<std::string, std::string>& v) {
  const std::size_t count = load_size(in);
  v.clear();
  for (std::size_t i = 0; i < count; ++i) {
    std::string key;
    std::string value;
    get(in, key);
    get(in, value);
    v.emplace(std::move(key), std::move(value));
  }
}

template <class Body>
Bytes encode_with(std::uint8_t tag, Body&& body) {
  OutputBuffer buffer;
  std::ostream stream(&buffer);
  {
    Saver out(stream);
    out(tag);
    body(out);
  }
  return std::move(buffer.bytes);
}

template <class Body>
void decode_with(ByteView bytes, Body&& body) {
  InputBuffer buffer(bytes);
  std::istream stream(&buffer);
  try {
    Loader in(buffer, stream);
    std::uint8_t tag = 0;
    in(tag);
    body(tag, in);
  } catch (const cereal::Exception&) {
    damaged("it ends too early");
  }
  if (buffer.left() != 0) damaged("bytes are left over");
}

template <class T>
T load_as(Loader& in) {
  T v;
  get(in, v);
  return v;
}

// Tags are part of the log's format: never renumber.
constexpr std::uint8_t kCreateDatabase = 1, kDropDatabase = 2, kCreateTable = 3, kDropTable = 4, kCommitFragments = 5, kPutUser = 6,
                       kDropUser = 7, kSnapshotVersion1 = 100;

template <class T>
Bytes encode_record(std::uint8_t tag, const T& r) {
  return encode_with(tag, [&](Saver& out) { put(out, r); });
}

}  // namespace

Bytes encode(const CreateDatabase& r) { return encode_record(kCreateDatabase, r); }
Bytes encode(const DropDatabase& r) { return encode_record(kDropDatabase, r); }
Bytes encode(const CreateTable& r) { return encode_record(kCreateTable, r); }
Bytes encode(const DropTable& r) { return encode_record(kDropTable, r); }
Bytes encode(const CommitFragments& r) { return encode_record(kCommitFragments, r); }
Bytes encode(const PutUser& r) { return encode_record(kPutUser, r); }
Bytes encode(const DropUser& r) { return encode_record(kDropUser, r); }

AnyRecord decode_record(ByteView payload) {
  AnyRecord record;
  decode_with(payload, [&](std::uint8_t tag, Loader& in) {
    switch (tag) {
      case kCreateDatabase:
        record = load_as<CreateDatabase>(in);
        break;
      case kDropDatabase:
        record = load_as<DropDatabase>(in);
        break;
      case kCreateTable:
        record = load_as<CreateTable>(in);
        break;
      case kDropTable:
        record = load_as<DropTable>(in);
        break;
      case kCommitFragments:
        record = load_as<CommitFragments>(in);
        break;
      case kPutUser:
        record = load_as<PutUser>(in);
        break;
      case kDropUser:
        record = load_as<DropUser>(in);
        break;
      default:
        damaged("unknown kind");
    }
  });
  return record;
}

Bytes encode_snapshot(const Snapshot& snapshot, std::uint64_t next_number) {
  return encode_with(kSnapshotVersion1, [&](Saver& out) {
    put(out, snapshot.lsn);
    put(out, next_number);
    put(out, static_cast<std::uint64_t>(snapshot.databases.size()));
    for (const auto& [name, database] : snapshot.databases) {
      put(out, database->number);
      put(out, name);
      put(out, static_cast<std::uint64_t>(database->tables.size()));
      for (const auto& [table_name, table] : database->tables) put(out, *table);
    }
    put(out, static_cast<std::uint64_t>(snapshot.users.size()));
    for (const auto& [name, user] : snapshot.users) put(out, user);
  });
}

SnapshotRecord decode_snapshot(ByteView bytes) {
  SnapshotRecord record;
  decode_with(bytes, [&](std::uint8_t tag, Loader& in) {
    if (tag != kSnapshotVersion1) damaged("unknown version of a snapshot");
    get(in, record.snapshot.lsn);
    get(in, record.next_number);
    const std::size_t databases = load_size(in);
    for (std::size_t d = 0; d < databases; ++d) {
      auto database = std::make_shared<Database>();
      get(in, database->number);
      get(in, database->name);
      const std::size_t tables = load_size(in);
      for (std::size_t t = 0; t < tables; ++t) {
        auto table = std::make_shared<Table>();
        get(in, *table);
        database->tables.emplace(table->name, std::move(table));
      }
      record.snapshot.databases.emplace(database->name, std::move(database));
    }
    const std::size_t users = load_size(in);
    for (std::size_t u = 0; u < users; ++u) {
      User user = load_as<User>(in);
      record.snapshot.users.emplace(user.name, user);
    }
  });
  return record;
}

}  // namespace tajo::catalog
