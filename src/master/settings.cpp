#include "settings.hpp"

#include <charconv>

#include "tajo/common/error.hpp"

namespace tajo::master {

const std::map<std::string, Setting>& known_settings() {
  static const std::map<std::string, Setting> kSettings = [] {
    std::map<std::string, Setting> all;
    for (Setting s : std::initializer_list<Setting>{
             {"application_name", "", "name of the application", true},
             {"client_encoding", "UTF8", "character set of the client", true},
             {"client_min_messages", "notice", "least severity of messages sent", false},
             {"datestyle", "ISO, MDY", "display of dates and times", true},
             {"default_transaction_isolation", "read committed", "isolation of new transactions", false},
             {"default_transaction_read_only", "off", "new transactions only read", false},
             {"extra_float_digits", "1", "digits of floating-point values", false},
             {"default_table_access_method", "hdf5", "format of managed tables", false},
             {"integer_datetimes", "on", "datetimes are 64-bit integers", true},
             {"intervalstyle", "postgres", "display of intervals", true},
             {"lock_timeout", "0", "longest wait for a lock", false},
             {"max_identifier_length", "63", "longest identifier in bytes", false},
             {"search_path", "\"$user\", public", "kept for clients that set it", false},
             {"server_encoding", "UTF8", "character set of the warehouse", true},
             {"server_version", "15.0", "PostgreSQL version spoken", true},
             {"server_version_num", "150000", "PostgreSQL version spoken, as a number", false},
             {"standard_conforming_strings", "on", "backslashes in '…' are literal", true},
             {"statement_timeout", "0", "longest run of a statement in ms; 0: no limit", false},
             {"tajo.compatibility", "off", "Tajo's semantics where they differ from PostgreSQL's", false},
             {"tajo.optimizer.disabled_rules", "", "optimiser rules left out, comma list", false},
             {"tajo.optimizer.force_distributed", "off", "exchanges even for small inputs", false},
             {"timezone", "UTC", "time zone of the session", true},
             {"transaction_isolation", "read committed", "isolation of the transaction", false},
             {"transaction_read_only", "off", "the transaction only reads", false},
         })
      all[s.name] = s;
    return all;
  }();
  return kSettings;
}

long parse_milliseconds(const std::string& name, const std::string& value) {
  long number = 0;
  const char* end = value.data() + value.size();
  auto [after, error] = std::from_chars(value.data(), end, number);
  std::string unit(after, end);
  while (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
  static const std::map<std::string, long> kUnits = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  auto factor = kUnits.find(unit);
  if (error != std::errc() || factor == kUnits.end() || number < 0 || number > 2'147'483'647L / factor->second)
    throw Error(sqlstate::kInvalidParameter, "invalid value for parameter \"" + name + "\": \"" + value + "\"")
        .hint("Valid units for this parameter are \"ms\", \"s\", \"min\", \"h\", and \"d\".");
  return number * factor->second;
}

std::string check_setting(const std::string& name, const std::string& value) {
  auto invalid = [&] { return Error(sqlstate::kInvalidParameter, "invalid value for parameter \"" + name + "\": \"" + value + "\""); };
  if (name == "statement_timeout" || name == "lock_timeout") return std::to_string(parse_milliseconds(name, value));
  if (name == "tajo.compatibility" || name == "tajo.optimizer.force_distributed") {
    if (value == "on" || value == "true" || value == "1" || value == "yes") return "on";
    if (value == "off" || value == "false" || value == "0" || value == "no") return "off";
    throw Error(sqlstate::kInvalidParameter, "parameter \"" + name + "\" requires a Boolean value");
  }
  if (name == "client_encoding") {
    std::string folded;
    for (char c : value)
      if (c != '-' && c != '_' && c != '\'') folded += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (folded != "utf8" && folded != "unicode" && folded != "sqlascii") throw invalid();
    return "UTF8";
  }
  if (name == "server_version" || name == "server_version_num" || name == "server_encoding" || name == "integer_datetimes" ||
      name == "max_identifier_length")
    throw Error("55P02", "parameter \"" + name + "\" cannot be changed");
  if (name == "standard_conforming_strings" && value != "on" && value != "true" && value != "1") throw invalid();
  return value;
}

}  // namespace tajo::master
