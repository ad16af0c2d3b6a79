#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tajo/common/ids.hpp"
#include "tajo/data/fragment.hpp"
#include "tajo/data/schema.hpp"

namespace tajo::catalog {

using TableNumber = std::uint64_t;  ///< never reused

/// Immutable version of one table: a query holds the versions it was planned on.
struct Table {
  TableNumber number = 0;
  std::string database;
  std::string name;
  bool external = false;
  data::TableSource source;                   ///< schema, format, location, options
  std::vector<data::FragmentInfo> fragments;  ///< managed tables; external ones are listed when a query is planned
  std::uint64_t version = 0;                  ///< grows with each commit on the table
  std::uint32_t next_fragment = 1;
  std::uint64_t rows() const;
  std::uint64_t bytes() const;
};
using TablePtr = std::shared_ptr<const Table>;

struct Database {
  std::uint64_t number = 0;
  std::string name;
  std::map<std::string, TablePtr> tables;
};

struct User {
  std::string name;
  std::string scram_secret;  ///< empty: no TCP login
  bool superuser = false;
};

/// The whole catalog at one position of the log. Immutable; copies share.
struct Snapshot {
  std::map<std::string, std::shared_ptr<const Database>> databases;
  std::map<std::string, User> users;
  std::uint64_t lsn = 0;
  TablePtr find(const std::string& database, const std::string& table) const;  ///< nullptr: none
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace tajo::catalog
