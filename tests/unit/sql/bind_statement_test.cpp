#include "sql_test.hpp"

namespace tajo::sql {
namespace {

using data::Type;
using data::TypeId;

class StatementTest : public SqlTest {
 protected:
  std::string columns(const data::Schema& schema) {
    std::string out;
    for (const data::Column& c : schema.columns)
      out += (out.empty() ? "" : ", ") + c.name + " " + data::type_name(c.type) + (c.not_null ? " not null" : "");
    return out;
  }
  std::string insert(const std::string& sql) {
    const auto s = bind_as<plan::InsertStatement>(sql);
    EXPECT_EQ(check(s.query), "");
    const auto& schema = s.table->source.schema.columns;
    EXPECT_EQ(s.query.outputs.size(), schema.size());
    for (std::size_t i = 0; i < schema.size(); ++i) EXPECT_EQ(s.query.columns[s.query.outputs[i]].type, schema[i].type) << schema[i].name;
    std::string out = (s.overwrite ? "overwrite " : "") + print(s.query) + " ->";
    for (const plan::ColumnId id : s.query.outputs) out += " " + std::to_string(id);
    return out;
  }
};

TEST_F(StatementTest, CreateTable) {
  const auto s = bind_as<plan::CreateTableStatement>(
      "create table if not exists other.n (a tinyint, b int2 not null, c int, d bigint, e real, f double, g numeric(15,2), h numeric, "
      "i char(3), j varchar(20), k text, l blob, m date, n time, o timestamp, p timestamptz, q boolean, r float(10), s char, t decimal(5)) "
      "with ('compression'='zstd')");
  EXPECT_EQ(s.database, "other");
  EXPECT_EQ(s.name, "n");
  EXPECT_TRUE(s.if_not_exists);
  EXPECT_FALSE(s.external);
  EXPECT_TRUE(s.source.managed);
  EXPECT_EQ(s.source.format, "hdf5");
  EXPECT_EQ(s.source.options.at("compression"), "zstd");
  EXPECT_EQ(columns(s.source.schema),
            "a INT1, b INT2 not null, c INT4, d INT8, e FLOAT4, f FLOAT8, g DECIMAL(15,2), h DECIMAL(38,10), i CHAR(3), j VARCHAR(20), k "
            "TEXT, l BLOB, m DATE, "
            "n TIME, o TIMESTAMP, p TIMESTAMPTZ, q BOOLEAN, r FLOAT4, s CHAR(1), t DECIMAL(5,0)");
  EXPECT_EQ(columns(bind_as<plan::CreateTableStatement>("create table n like t").source.schema),
            columns(context_.catalog->find("default", "t")->source.schema));
  EXPECT_EQ(columns(bind_as<plan::CreateTableStatement>("create table n (y int, like other.t)").source.schema), "y INT4, z INT4");
}

TEST_F(StatementTest, CreateExternalTable) {
  const auto s = bind_as<plan::CreateTableStatement>(
      "create external table n (a int) using csv with ('text.delimiter'=';') location 'file:///data/x.csv'");
  EXPECT_TRUE(s.external);
  EXPECT_FALSE(s.source.managed);
  EXPECT_EQ(s.source.format, "csv");
  EXPECT_EQ(s.source.location, "/data/x.csv");
  EXPECT_FALSE(s.infer_schema);
  EXPECT_TRUE(bind_as<plan::CreateTableStatement>("create external table n using hdf5 with ('hdf5.group'='/run') location '/data/x.h5'")
                  .infer_schema);
  EXPECT_TRUE(bind_as<plan::CreateTableStatement>("create external table n (*) using json location '/data/x'").infer_schema);
  context_.infer_schema = [](const data::TableSource& source) {
    EXPECT_EQ(source.format, "parquet");
    data::Schema schema;
    schema.columns = {{"found", Type::of(TypeId::kInt8), false}};
    return schema;
  };
  const auto inferred = bind_as<plan::CreateTableStatement>("create external table n using PARQUET location 'file:/data/*.parquet'");
  EXPECT_FALSE(inferred.infer_schema);
  EXPECT_EQ(columns(inferred.source.schema), "found INT8");
}

TEST_F(StatementTest, CreateTableAs) {
  const auto s = bind_as<plan::CreateTableStatement>("create table n as select a, 'x' as k, c * 2 as c2 from t");
  EXPECT_EQ(columns(s.source.schema), "a INT4, k TEXT, c2 DECIMAL(16,2)");
  ASSERT_TRUE(s.query);
  EXPECT_EQ(check(*s.query), "");
  const auto named = bind_as<plan::CreateTableStatement>("create table n (x, y) using hdf5 as select a, b from t");
  EXPECT_EQ(columns(named.source.schema), "x INT4, y TEXT");
  const auto typed = bind_as<plan::CreateTableStatement>("create table n (x bigint, y text) as select a, b from t");
  EXPECT_EQ(columns(typed.source.schema), "x INT8, y TEXT");
  EXPECT_EQ(print(*typed.query), "project[a#4=a#0::INT8](scan t)");
  EXPECT_EQ(error("create table n (x bigint, y text) as select a, nosuch from t"), "42703@48 column \"nosuch\" does not exist");
  EXPECT_EQ(error("create table n as select a, a from t"), "42701@0 column \"a\" specified more than once");
}

TEST_F(StatementTest, CreateTableErrors) {
  EXPECT_EQ(error("create table t (a int)"), "42P07@14 relation \"t\" already exists");
  EXPECT_EQ(error("create table nosuch.t (a int)"), "3D000@14 database \"nosuch\" does not exist");
  EXPECT_EQ(error("create table n (a int, a text)"), "42701@24 column \"a\" specified more than once");
  EXPECT_EQ(error("create table n (a wibble)"), "42704@19 type \"wibble\" does not exist");
  EXPECT_EQ(error("create table n (a numeric(39))"), "22023@19 NUMERIC precision 39 must be between 1 and 38");
  EXPECT_EQ(error("create table n (a int primary key)"), "0A000@23 PRIMARY KEY is not supported");
  EXPECT_EQ(error("create table n (a int[])"), "0A000@19 a column of an array type (\"a\") is not supported");
  EXPECT_EQ(error("create table n (a interval)"), "0A000@19 a column of type interval (\"a\") is not supported");
  EXPECT_EQ(error("create table n (a int) partition by column (k text)"), "0A000@24 PARTITION BY COLUMN is not supported");
  EXPECT_EQ(error("create table n (a int) using parquet").substr(0, 9), "0A000@30 ");
  EXPECT_EQ(error("create external table n (a int) using csv"), "42601@23 CREATE EXTERNAL TABLE needs LOCATION 'uri'");
  EXPECT_EQ(error("create external table n (a int) using csv location 's3://b/x'").substr(0, 8), "0A000@52");
  EXPECT_EQ(error("create external table n (a int) using avro location '/x'"), "0A000@39 format \"avro\" is not supported");
  EXPECT_EQ(error("create temp table n (a int)"), "0A000@19 TEMPORARY is not supported");
}

TEST_F(StatementTest, Insert) {
  EXPECT_EQ(insert("insert into t values (1, 'x', 2.5, '2020-02-29'), (2, null, '0.125', default)"),
            "values(1, 'x', 2.50, '2020-02-29':DATE), (2, null:TEXT, 0.13, null:DATE) -> 0 1 2 3");
  EXPECT_EQ(insert("insert into t (d, a) values ('2020-01-01', 7)"),
            "values(7, null:TEXT, null:DECIMAL(15,2), '2020-01-01':DATE) -> 0 1 2 3");
  EXPECT_EQ(insert("insert overwrite into t select n, b from u"),
            "overwrite project[c#4=null:DECIMAL(15,2), d#5=null:DATE](scan u) -> 3 1 4 5");
  EXPECT_EQ(insert("insert into t (a, c) select n, e from u").substr(0, 60),
            "project[b#5=null:TEXT, d#6=null:DATE](project[e#4=e#2::DECIM");
  EXPECT_EQ(insert("insert into t select 1, 'x', null, '2020-01-01'"),
            "project[?column?#0=1, ?column?#1='x', ?column?#2=null:DECIMAL(15,2), ?column?#3='2020-01-01':DATE](values()) -> 0 1 2 3");
  EXPECT_EQ(insert("with q as (select n from u) insert into t select * from q").substr(0, 8), "project[");
}

TEST_F(StatementTest, InsertErrors) {
  EXPECT_EQ(error("insert into nosuch values (1)"), "42P01@13 relation \"nosuch\" does not exist");
  EXPECT_EQ(error("insert into t (a, z) values (1, 2)"), "42703@19 column \"z\" of relation \"t\" does not exist");
  EXPECT_EQ(error("insert into t (a, a) values (1, 2)"), "42701@19 column \"a\" specified more than once");
  EXPECT_EQ(error("insert into other.t values (1, 2)"), "42601@32 INSERT has more expressions than target columns");
  EXPECT_EQ(error("insert into t (a, b) values (1)").substr(0, 5), "42601");
  EXPECT_EQ(error("insert into t values (1), (2, 'x')"), "42601@28 VALUES lists must all be the same length");
  EXPECT_EQ(error("insert into t values ('x')"), "22P02@23 invalid input syntax for type integer: \"x\"");
  EXPECT_EQ(error("insert into t values (true)"), "42804@23 column \"a\" is of type integer but expression is of type boolean");
  EXPECT_EQ(error("insert into t (a) select b from u"), "42804@0 column \"a\" is of type integer but expression is of type text");
  EXPECT_EQ(error("insert into x values (1)"), "0A000@13 INSERT into external table \"x\" is not supported");
  EXPECT_EQ(error("insert into t values (1) on conflict do nothing").substr(0, 5), "0A000");
  EXPECT_EQ(error("insert into t values (1) returning a").substr(0, 5), "0A000");
  EXPECT_EQ(error("insert overwrite into location '/x' select 1"), "0A000@23 INSERT INTO LOCATION is not supported");
  EXPECT_EQ(error("insert into pg_catalog.pg_class values (1)").substr(0, 5), "42501");
}

TEST_F(StatementTest, Copy) {
  auto s = bind_as<plan::CopyStatement>("copy t from stdin");
  EXPECT_EQ(s.columns, (std::vector<std::uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(s.path, "");
  EXPECT_EQ(s.delimiter, '\t');
  EXPECT_EQ(s.null_text, "\\N");
  s = bind_as<plan::CopyStatement>("copy t (d, a) from '/x.csv' with (format csv, header, delimiter '|', quote '''', null 'NULL')");
  EXPECT_EQ(s.columns, (std::vector<std::uint32_t>{3, 0}));
  EXPECT_TRUE(s.csv && s.header);
  EXPECT_EQ(s.path, "/x.csv");
  EXPECT_EQ(s.delimiter, '|');
  EXPECT_EQ(s.quote, '\'');
  EXPECT_EQ(s.escape, '\'');
  EXPECT_EQ(s.null_text, "NULL");
  s = bind_as<plan::CopyStatement>("copy t from stdin csv header delimiter ';' null '' escape '\\'");
  EXPECT_TRUE(s.csv && s.header);
  EXPECT_EQ(s.delimiter, ';');
  EXPECT_EQ(s.escape, '\\');
  EXPECT_EQ(error("copy t from 'x.csv'").substr(0, 5), "42602");
  EXPECT_EQ(error("copy t to stdout").substr(0, 5), "0A000");
  EXPECT_EQ(error("copy t from stdin (format binary)").substr(0, 5), "0A000");
  EXPECT_EQ(error("copy t from stdin (delimiter 'ab')").substr(0, 5), "0A000");
  EXPECT_EQ(error("copy t (z) from stdin"), "42703@0 column \"z\" of relation \"t\" does not exist");
}

TEST_F(StatementTest, DropAndTruncate) {
  auto s = bind_as<plan::DropTableStatement>("drop table t, other.t purge");
  EXPECT_TRUE(s.purge);
  EXPECT_FALSE(s.if_exists);
  ASSERT_EQ(s.tables.size(), 2u);
  EXPECT_EQ(s.tables[1], (std::pair<std::string, std::string>("other", "t")));
  EXPECT_TRUE(bind_as<plan::DropTableStatement>("drop table if exists nosuch").if_exists);
  EXPECT_EQ(error("drop table nosuch"), "42P01@0 table \"nosuch\" does not exist");
  EXPECT_EQ(error("drop view v"), "0A000@0 DROP VIEW is not supported");
  EXPECT_EQ(bind_as<plan::TruncateStatement>("truncate table t, other.t").tables.size(), 2u);
  EXPECT_EQ(error("truncate x").substr(0, 5), "42809");
}

TEST_F(StatementTest, Databases) {
  EXPECT_TRUE(bind_as<plan::CreateDatabaseStatement>("create database if not exists other").if_not_exists);
  EXPECT_EQ(bind_as<plan::CreateDatabaseStatement>("create database \"New\"").name, "New");
  EXPECT_EQ(error("create database other"), "42P04@0 database \"other\" already exists");
  EXPECT_TRUE(bind_as<plan::DropDatabaseStatement>("drop database if exists other cascade").cascade);
  EXPECT_EQ(error("drop database nosuch"), "3D000@0 database \"nosuch\" does not exist");
  EXPECT_EQ(error("drop database default"), "42601@15 syntax error at or near \"default\"");
  EXPECT_EQ(error("drop database \"default\"").substr(0, 5), "55006");
  EXPECT_EQ(bind_as<plan::UseDatabaseStatement>("SET CATALOG other").name, "other");
  EXPECT_EQ(error("set catalog nosuch").substr(0, 5), "3D000");
}

TEST_F(StatementTest, Settings) {
  const auto set = [&](const std::string& sql) {
    const auto s = bind_as<plan::SetStatement>(sql);
    return s.name + "=" + s.value.value_or("<default>");
  };
  EXPECT_EQ(set("set tajo.request_id = 'r-1'"), "tajo.request_id=r-1");
  EXPECT_EQ(set("set session DateStyle to iso, mdy"), "datestyle=iso, mdy");
  EXPECT_EQ(set("set time zone 'UTC'"), "timezone=UTC");
  EXPECT_EQ(set("SET TIME ZONE TO 'Asia/Seoul'"), "timezone=Asia/Seoul");
  EXPECT_EQ(set("set time zone = -3"), "timezone=-3");
  EXPECT_EQ(set("set time zone default"), "timezone=<default>");
  EXPECT_EQ(set("set arithabort = on"), "arithabort=on");
  EXPECT_EQ(set("reset all"), "all=<default>");
  EXPECT_EQ(set("reset x"), "x=<default>");
  EXPECT_EQ(set("set names 'utf8'"), "client_encoding=utf8");
  EXPECT_EQ(set("set session characteristics as transaction read only"), "default_transaction_read_only=on");
  EXPECT_EQ(error("set local x = 1").substr(0, 5), "0A000");
  EXPECT_EQ(error("set role bob").substr(0, 5), "0A000");
  EXPECT_EQ(bind_as<plan::ShowStatement>("show time zone").name, "timezone");
  EXPECT_EQ(bind_as<plan::ShowStatement>("show all").name, "all");
  EXPECT_EQ(bind_as<plan::TransactionStatement>("begin isolation level serializable").kind, plan::TransactionStatement::Kind::kBegin);
  EXPECT_EQ(bind_as<plan::TransactionStatement>("end").kind, plan::TransactionStatement::Kind::kCommit);
  EXPECT_EQ(bind_as<plan::TransactionStatement>("abort").kind, plan::TransactionStatement::Kind::kRollback);
  EXPECT_EQ(error("savepoint s"), "0A000@0 SAVEPOINT is not supported");
  EXPECT_EQ(bind_as<plan::DeallocateStatement>("deallocate p").name, "p");
  EXPECT_EQ(bind_as<plan::DeallocateStatement>("deallocate all").name, "");
  bind_as<plan::DiscardStatement>("discard all");
  bind_as<plan::EmptyStatement>("  -- nothing");
}

TEST_F(StatementTest, Users) {
  auto s = bind_as<plan::UserStatement>("create user bob password 'pw'");
  EXPECT_EQ(s.name, "bob");
  EXPECT_EQ(s.password, "pw");
  s = bind_as<plan::UserStatement>("alter role ada with password null");
  EXPECT_EQ(s.kind, plan::UserStatement::Kind::kAlter);
  EXPECT_EQ(s.password, "");
  EXPECT_TRUE(bind_as<plan::UserStatement>("drop user if exists nobody").if_exists);
  EXPECT_EQ(error("create user ada"), "42710@0 role \"ada\" already exists");
  EXPECT_EQ(error("alter user nobody password 'x'"), "42704@0 role \"nobody\" does not exist");
  EXPECT_EQ(error("create user bob superuser"), "0A000@17 user option superuser is not supported");
}

TEST_F(StatementTest, Explain) {
  auto s = bind_as<std::unique_ptr<plan::ExplainStatement>>("explain analyze select a from t");
  EXPECT_TRUE(s->analyze);
  EXPECT_TRUE(std::holds_alternative<plan::SelectStatement>(s->statement.body));
  s = bind_as<std::unique_ptr<plan::ExplainStatement>>("EXPLAIN GLOBAL insert overwrite into t select * from t");
  EXPECT_TRUE(s->global);
  EXPECT_TRUE(std::get<plan::InsertStatement>(s->statement.body).overwrite);
  EXPECT_FALSE(bind_as<std::unique_ptr<plan::ExplainStatement>>("explain (analyze false, costs off) select 1")->analyze);
  EXPECT_EQ(error("explain (format yaml) select 1").substr(0, 5), "0A000");
  EXPECT_EQ(error("explain (wibble) select 1").substr(0, 5), "42601");
}

TEST_F(StatementTest, WhatIsNotSupportedSaysSo) {
  for (const char* sql : {"update t set a = 1",
                          "delete from t",
                          "create view v as select 1",
                          "create index i on t (a)",
                          "alter table t rename to s",
                          "grant select on t to ada",
                          "prepare p as select 1",
                          "execute p",
                          "vacuum",
                          "analyze t",
                          "comment on table t is 'x'",
                          "create schema s",
                          "declare c cursor for select 1",
                          "merge into t using u on t.a = u.a when matched then delete",
                          "alter table t set property 'k'='v'",
                          "alter table t add partition (k=1)",
                          "select 1 union select 2 for update",
                          "table t tablesample system (1)",
                          "lock table t",
                          "listen x",
                          "create function f() returns int as 'x' language sql"})
    EXPECT_NE(error(sql).find(sql == std::string("table t tablesample system (1)") ? "42601" : "0A000"), std::string::npos)
        << sql << ": " << error(sql);
}

}  // namespace
}  // namespace tajo::sql
