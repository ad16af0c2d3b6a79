#include "system_tables.hpp"

#include "system_tables_rows.hpp"

namespace tajo::master {

namespace {

const SystemColumns* find(const std::string& schema, const std::string& table) {
  const auto& tables = all_system_tables();
  const auto it = tables.find((schema.empty() ? "pg_catalog" : schema) + "." + table);
  return it == tables.end() ? nullptr : &it->second;
}

}  // namespace

std::optional<data::Schema> SystemTablesView::schema(const std::string& schema, const std::string& table) const {
  const SystemColumns* found = find(schema, table);
  if (found == nullptr) return std::nullopt;
  return SystemRows(*found).schema;
}

std::vector<std::vector<data::Value>> SystemTablesView::rows(const std::string& schema, const std::string& table) const {
  const SystemColumns* found = find(schema, table);
  if (found == nullptr) return {};
  asked_ = true;
  SystemRows out(*found);
  const SystemContext context{parts_, session_, *snapshot_};
  for (const RowsMakers* makers : {&catalog_makers(), &server_makers(), &information_makers(), &tajo_makers()})
    if (const auto make = makers->find(found->table); make != makers->end()) make->second(context, out);
  return std::move(out.rows);
}

}  // namespace tajo::master
