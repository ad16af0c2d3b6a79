// What a Java client does, with pgjdbc: java -cp postgresql.jar Driver.java HOSTS DATABASE USER PASSWORD CHECK…
// HOSTS is host:port[,host:port]; prints "ok CHECK", and exits with 1 at the first thing that is not as it must be.
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;

public class Driver {
  static String hosts, database, user, password;

  static Connection connect(String options) throws SQLException {
    return DriverManager.getConnection("jdbc:postgresql://" + hosts + "/" + database + "?" + options, user, password);
  }

  static void equal(Object got, Object want) {
    if (!Objects.equals(got, want)) throw new AssertionError("expected " + want + ", got " + got);
  }

  static List<String> rows(ResultSet r, String... columns) throws SQLException {
    List<String> out = new ArrayList<>();
    while (r.next()) {
      List<String> row = new ArrayList<>();
      for (String c : columns) row.add(r.getString(c));
      out.add(String.join("|", row.stream().map(String::valueOf).toList()));
    }
    return out;
  }

  static void run(Connection c, String sql) throws SQLException {
    try (Statement s = c.createStatement()) { s.execute(sql); }
  }

  static void metadata() throws Exception {
    try (Connection c = connect("")) {
      run(c, "CREATE TABLE m (a int4 NOT NULL, b varchar(7), c numeric(10,2), d timestamp)");
      DatabaseMetaData m = c.getMetaData();
      equal(m.getDatabaseProductName(), "PostgreSQL");
      equal(rows(m.getTables(null, null, "m", new String[] {"TABLE"}), "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"), List.of("public|m|TABLE"));
      equal(rows(m.getColumns(null, "public", "m", "%"), "COLUMN_NAME", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS", "IS_NULLABLE", "ORDINAL_POSITION"),
          List.of("a|int4|10|0|NO|1", "b|varchar|7|0|YES|2", "c|numeric|10|2|YES|3", "d|timestamp|29|6|YES|4"));
      equal(rows(m.getPrimaryKeys(null, null, "m"), "COLUMN_NAME"), List.of());
      equal(rows(m.getIndexInfo(null, null, "m", false, false), "INDEX_NAME"), List.of());
      equal(rows(m.getImportedKeys(null, null, "m"), "PKTABLE_NAME"), List.of());
      equal(rows(m.getExportedKeys(null, null, "m"), "FKTABLE_NAME"), List.of());
      equal(rows(m.getSchemas(), "TABLE_SCHEM"), List.of("information_schema", "pg_catalog", "public"));
      equal(rows(m.getCatalogs(), "TABLE_CAT").contains(database), true);
      List<String> types = rows(m.getTypeInfo(), "TYPE_NAME");
      for (String t : List.of("bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "bytea", "date", "time", "timestamp", "timestamptz"))
        equal(types.contains(t) ? t : "no " + t, t);
      equal(rows(m.getFunctions(null, null, "upper"), "FUNCTION_NAME"), List.of("upper"));
      equal(m.getSQLKeywords().contains("location"), true);
      ResultSetMetaData r = c.createStatement().executeQuery("SELECT a, b, c FROM m").getMetaData();
      equal(r.getColumnTypeName(3) + r.getPrecision(3) + "," + r.getScale(3), "numeric10,2");
    }
  }

  static void prepared() throws Exception {
    try (Connection c = connect("")) {
      run(c, "CREATE TABLE p (a int4, b text, c numeric(12,2), d date, e float8, f bool, g timestamp)");
      try (PreparedStatement s = c.prepareStatement("INSERT INTO p VALUES (?, ?, ?, ?, ?, ?, ?)")) {
        for (int i = 0; i < 8; ++i) {  // beyond prepareThreshold: named on the server, binary parameters
          s.setInt(1, i);
          s.setString(2, i == 3 ? null : "row " + i);
          s.setBigDecimal(3, new java.math.BigDecimal(i + ".25"));
          s.setDate(4, java.sql.Date.valueOf("2020-02-2" + i));
          s.setDouble(5, i / 4.0);
          s.setBoolean(6, i % 2 == 0);
          s.setTimestamp(7, Timestamp.valueOf("2020-01-01 10:00:0" + i));
          equal(s.executeUpdate(), 1);
        }
      }
      try (PreparedStatement s = c.prepareStatement("SELECT b, c, d, e, f, g FROM p WHERE a = ?")) {
        for (int i = 0; i < 8; ++i) {
          s.setInt(1, i);
          ResultSet r = s.executeQuery();
          equal(r.next(), true);
          equal(r.getString(1), i == 3 ? null : "row " + i);
          equal(r.getBigDecimal(2).toString(), i + ".25");
          equal(r.getDate(3).toString(), "2020-02-2" + i);
          equal(r.getDouble(4), i / 4.0);
          equal(r.getBoolean(5), i % 2 == 0);
          equal(r.getTimestamp(6).toString(), "2020-01-01 10:00:0" + i + ".0");
          equal(r.next(), false);
        }
      }
      try (Statement s = c.createStatement()) {
        s.executeQuery("SELECT nothing FROM p");
        throw new AssertionError("no error");
      } catch (SQLException e) {
        equal(e.getSQLState(), "42703");
      }
    }
  }

  /** Rows come in portions of the fetch size, so that a result larger than memory can be read. */
  static void fetch() throws Exception {
    try (Connection c = connect("")) {
      c.setAutoCommit(false);
      try (Statement s = c.createStatement()) {
        s.setFetchSize(1000);
        ResultSet r = s.executeQuery("SELECT i, 'row ' || i FROM generate_series(1, 300000) AS g (i)");
        long sum = 0, count = 0;
        while (r.next()) { sum += r.getLong(1); ++count; }
        equal(count, 300000L);
        equal(sum, 300000L * 300001 / 2);
      }
      c.commit();
    }
  }

  static void copy() throws Exception {
    try (Connection c = connect("")) {
      run(c, "CREATE TABLE c (a int4, b text)");
      var copy = c.unwrap(PGConnection.class).getCopyAPI();
      equal(copy.copyIn("COPY c FROM STDIN WITH (FORMAT csv)", new StringReader("1,one\n2,\"two, too\"\n3,\n")), 3L);
      equal(rows(c.createStatement().executeQuery("SELECT a, b FROM c ORDER BY a"), "a", "b"), List.of("1|one", "2|two, too", "3|null"));
    }
  }

  static void cancel() throws Exception {
    try (Connection c = connect(""); Statement s = c.createStatement()) {
      Thread stop = new Thread(() -> {
        try { Thread.sleep(1000); s.cancel(); } catch (Exception e) { throw new RuntimeException(e); }
      });
      stop.start();
      try {
        s.executeQuery("SELECT count(*) FROM generate_series(1, 2000000) a, generate_series(1, 2000000) b WHERE a % 7 = b % 11");
        throw new AssertionError("not cancelled");
      } catch (SQLException e) {
        equal(e.getSQLState(), "57014");
      }
      stop.join();
      equal(rows(s.executeQuery("SELECT 1 AS one"), "one"), List.of("1"));
    }
  }

  /** With all masters named, the driver finds the active, and a backup when it is asked for one. */
  static void hosts() throws Exception {
    try (Connection c = connect("targetServerType=primary")) {
      equal(rows(c.createStatement().executeQuery("SHOW transaction_read_only"), "transaction_read_only"), List.of("off"));
      run(c, "CREATE TABLE h (a int4)");
    }
    try (Connection c = connect("targetServerType=secondary")) {
      equal(c.unwrap(PGConnection.class).getParameterStatus("in_hot_standby"), "on");
      equal(rows(c.createStatement().executeQuery("SELECT count(*) AS n FROM h"), "n"), List.of("0"));
    }
  }

  /** The active is killed (by whoever reads "kill") under a client of it: an error, and the next connection finds the successor. */
  static void takeover() throws Exception {
    long sum;
    String options = "targetServerType=primary&connectTimeout=5&loginTimeout=20";
    try (Connection c = connect(options)) {
      run(c, "CREATE TABLE t (a int4)");
      run(c, "INSERT INTO t SELECT * FROM generate_series(1, 1000) a");
      sum = Long.parseLong(rows(c.createStatement().executeQuery("SELECT sum(a) AS s FROM t"), "s").get(0));
      System.out.println("kill");
      System.in.read();  // it is done
      try {
        run(c, "INSERT INTO t VALUES (5000)");
        throw new AssertionError("the client of a killed master noticed nothing");
      } catch (SQLException e) {
        equal(e.getSQLState().substring(0, 2), "08");
      }
    }
    long end = System.nanoTime() + 20_000_000_000L;
    while (true) {
      try (Connection c = connect(options)) {
        equal(rows(c.createStatement().executeQuery("SELECT sum(a) AS s, count(*) AS n FROM t"), "s", "n"), List.of(sum + "|1000"));
        run(c, "INSERT INTO t VALUES (5000)");
        equal(rows(c.createStatement().executeQuery("SELECT sum(a) AS s FROM t"), "s"), List.of(String.valueOf(sum + 5000)));
        return;
      } catch (SQLException e) {
        if (System.nanoTime() > end) throw e;
        Thread.sleep(100);
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    hosts = arguments[0];
    database = arguments[1];
    user = arguments[2];
    password = arguments[3];
    for (int i = 4; i < arguments.length; ++i) {
      Driver.class.getDeclaredMethod(arguments[i]).invoke(null);
      System.out.println("ok   " + arguments[i]);
    }
  }
}
