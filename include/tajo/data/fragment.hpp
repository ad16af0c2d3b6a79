#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/data/schema.hpp"
#include "tajo/data/value.hpp"

namespace tajo::data {

/// What the manifest knows of one column of one fragment. Exact, so the planner may prove with it.
struct ColumnStatistics {
  Value min;  ///< NULL when there is no non-NULL value (text: whole values, bytewise)
  Value max;
  std::uint64_t nulls = 0;
  std::uint64_t distinct = 0;          ///< estimate (HyperLogLog of `sketch`), exact for dictionary columns
  bool strictly_increasing = false;    ///< row after row, no NULL: proof of uniqueness within the fragment
  std::vector<std::byte> sketch;       ///< HyperLogLog registers, mergeable; may be empty
};

/// One immutable file of a managed table, or one file of an external one, or rows that ride in the log.
struct FragmentInfo {
  std::uint32_t id = 0;              ///< within the table's manifest; unique over the table's life
  std::string path;                  ///< relative to the table's directory (managed) or absolute (external)
  std::uint64_t rows = 0;            ///< 0 and unknown_rows for external files not opened yet
  bool unknown_rows = false;
  std::uint64_t bytes = 0;
  std::int64_t mtime_us = 0;         ///< external files: fixed in the plan (size + mtime)
  std::uint64_t footer_digest = 0;   ///< XXH3 of the fragment's table of contents (managed)
  std::vector<ColumnStatistics> columns;  ///< by table column; empty when unknown
  std::shared_ptr<const Bytes> inline_rows;  ///< small INSERT: encoded batches (batch_codec), no file yet
};

/// How a table's data is laid out and where: what storage needs to read or write it, independent of the catalog.
struct TableSource {
  std::string format = "hdf5";   ///< lower case: hdf5 (managed form), csv, text, parquet, orc, json
  bool managed = true;           ///< false: read in place from `location`
  std::string location;          ///< directory, file or glob; an absolute path
  std::map<std::string, std::string> options;  ///< WITH ('k'='v')
  Schema schema;
};

/// A range of blocks of a fragment: the unit in which scans are dealt out.
struct Split {
  std::uint32_t fragment = 0;      ///< index into the plan's fragment list of this table
  std::uint32_t first_block = 0;   ///< blocks of kBlockRows rows; row groups for Parquet; byte ranges for text
  std::uint32_t blocks = 0;
  std::uint64_t rows = 0;          ///< estimate
  bool operator==(const Split&) const = default;
};

}  // namespace tajo::data
