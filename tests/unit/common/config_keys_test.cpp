// The table of keys, what a site file with them does, and conf/README.md, which has to tell all of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"

namespace tajo {
namespace {

using ::testing::HasSubstr;

struct SiteFile : ::testing::Test {
  SiteFile() {
    char name[] = "/tmp/tajo-config-XXXXXX";
    directory = ::mkdtemp(name);
  }
  ~SiteFile() override { std::filesystem::remove_all(directory); }
  Config load(const std::map<std::string, std::string>& values) const {
    std::ofstream file(directory + "/tajo-site.xml");
    file << "<configuration>";
    for (const auto& [key, value] : values) file << "<property><name>" << key << "</name><value>" << value << "</value></property>";
    file << "</configuration>";
    file.close();
    return Config::load(directory);
  }
  std::string refusal(const std::string& key, const std::string& value) const {
    try {
      load({{key, value}});
    } catch (const Error& e) {
      return e.message();
    }
    return "accepted";
  }
  std::string directory;
};

/// key -> its cells of the row, without blanks at their ends.
std::map<std::string, std::vector<std::string>> readme_rows() {
  std::map<std::string, std::vector<std::string>> rows;
  std::ifstream in(TAJO_CONF_DIR "/README.md");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| tajo.")) continue;
    std::vector<std::string> cells;
    for (std::size_t from = 1, to = line.find('|', 1); to != std::string::npos; from = to + 1, to = line.find('|', from))
      cells.push_back(line.substr(from + 1, to - from - 2));
    EXPECT_FALSE(rows.contains(cells[0])) << cells[0] << " stands there twice";
    rows[cells[0]] = cells;
  }
  return rows;
}

TEST(ConfigKeys, ConfReadmeTellsEachWithItsDefault) {
  auto rows = readme_rows();
  for (const ConfigKey& key : config_keys()) {
    auto row = rows.find(key.name);
    if (row == rows.end()) {
      ADD_FAILURE() << key.name << " is missing in conf/README.md";
      continue;
    }
    EXPECT_EQ(row->second.size(), key.used ? 3u : 2u) << key.name << " stands in the wrong table";
    const std::string value = key.value, unit = key.unit;
    if (!value.empty()) {
      EXPECT_EQ(row->second[1], unit.empty() ? value : value + " " + unit) << key.name;
    }
    rows.erase(row);
  }
  for (const auto& [key, cells] : rows) ADD_FAILURE() << "conf/README.md tells of " << key << ", which nobody knows";
}

TEST(ConfigKeys, AreSortedAndNumbersHaveUnits) {
  const auto& keys = config_keys();
  for (std::size_t i = 1; i < keys.size(); ++i) EXPECT_LT(std::string(keys[i - 1].name), keys[i].name);
  for (const ConfigKey& key : keys) {
    const bool family = std::string(key.name).ends_with("*");
    EXPECT_FALSE(family && key.used) << key.name;
    EXPECT_FALSE(key.kind == ConfigKey::Kind::kInteger && *key.unit == '\0') << key.name;
  }
}

TEST_F(SiteFile, KeysOfTajoWithoutMeaningCostOneWarningEach) {
  const Config config = load({{"tajo.rootdir", "file:///scratch/tajo"},
                              {"tajo.history.query.dir", "hdfs://namenode/history"},
                              {"tajo.shuffle.fetcher.read.timeout-sec", "60"},
                              {"tajo.catalog.connection.password", "secret"},
                              {"tajo.rpc.client.retry-num", "3"},
                              {"tajo.worker.resource.disks", "many"}});
  EXPECT_EQ(config.rootdir(), "/scratch/tajo");
  ASSERT_EQ(config.warnings().size(), 5u);
  for (const std::string& warning : config.warnings()) EXPECT_THAT(warning, HasSubstr("has no meaning here"));
  EXPECT_EQ(config.text("tajo.worker.resource.disks"), "many");
}

TEST_F(SiteFile, EveryKnownKeyIsTakenWithItsDefault) {
  std::map<std::string, std::string> values;
  std::size_t ignored = 0;
  for (const ConfigKey& key : config_keys()) {
    if (key.used && *key.value == '\0') continue;
    std::string name = key.name;
    if (name.ends_with("*")) name.replace(name.size() - 1, 1, "anything.at-all");
    values[name] = key.value;
    if (!key.used) ++ignored;
  }
  EXPECT_EQ(load(values).warnings().size(), ignored);
}

TEST_F(SiteFile, WrongOnesAreRefusedWithTheNearestName) {
  EXPECT_THAT(refusal("tajo.worker.resource.memory", "1"), HasSubstr("did you mean tajo.worker.resource.memory-mb?"));
  EXPECT_THAT(refusal("tajo.catalog.connections.id", "1"), HasSubstr("unknown key"));
  EXPECT_THAT(refusal("tajo.rootdir", "hdfs://namenode/tajo"), HasSubstr("a path of a mounted filesystem"));
  EXPECT_THAT(refusal("tajo.master.ha.monitor.interval", "soon"), HasSubstr("a whole number"));
}

}  // namespace
}  // namespace tajo
