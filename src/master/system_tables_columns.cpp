// Columns of pg_catalog and information_schema as PostgreSQL 15 has them, each with a letter for its type
// (system_tables_rows.hpp). Tables without a maker of rows are empty here: clients ask them and find nothing.
#include "system_tables_rows.hpp"

namespace tajo::master {

namespace {

constexpr SystemColumns kColumns[] = {
    {"pg_catalog.pg_aggregate",
     "aggfnoid o aggkind c aggnumdirectargs i aggtransfn o aggfinalfn o aggcombinefn o aggserialfn o aggdeserialfn o "
     "aggmtransfn o aggminvtransfn o aggmfinalfn o aggfinalextra b aggmfinalextra b aggfinalmodify c aggmfinalmodify c "
     "aggsortop o aggtranstype o aggtransspace i aggmtranstype o aggmtransspace i agginitval t aggminitval t"},
    {"pg_catalog.pg_am",
     "oid o amname n amhandler o amtype c"},
    {"pg_catalog.pg_amop",
     "oid o amopfamily o amoplefttype o amoprighttype o amopstrategy i amoppurpose c amopopr o amopmethod o "
     "amopsortfamily o"},
    {"pg_catalog.pg_amproc",
     "oid o amprocfamily o amproclefttype o amprocrighttype o amprocnum i amproc o"},
    {"pg_catalog.pg_attrdef",
     "oid o adrelid o adnum i adbin t"},
    {"pg_catalog.pg_attribute",
     "attrelid o attname n atttypid o attstattarget i attlen i attnum i attndims i attcacheoff i atttypmod i "
     "attbyval b attalign c attstorage c attcompression c attnotnull b atthasdef b atthasmissing b attidentity c "
     "attgenerated c attisdropped b attislocal b attinhcount i attcollation o attacl a attoptions a attfdwoptions a "
     "attmissingval a"},
    {"pg_catalog.pg_auth_members",
     "roleid o member o grantor o admin_option b"},
    {"pg_catalog.pg_authid",
     "oid o rolname n rolsuper b rolinherit b rolcreaterole b rolcreatedb b rolcanlogin b rolreplication b "
     "rolbypassrls b rolconnlimit i rolpassword t rolvaliduntil z"},
    {"pg_catalog.pg_available_extensions",
     "name n default_version t installed_version t comment t"},
    {"pg_catalog.pg_cast",
     "oid o castsource o casttarget o castfunc o castcontext c castmethod c"},
    {"pg_catalog.pg_class",
     "oid o relname n relnamespace o reltype o reloftype o relowner o relam o relfilenode o reltablespace o relpages i "
     "reltuples f relallvisible i reltoastrelid o relhasindex b relisshared b relpersistence c relkind c relnatts i "
     "relchecks i relhasrules b relhastriggers b relhassubclass b relrowsecurity b relforcerowsecurity b "
     "relispopulated b relreplident c relispartition b relrewrite o relfrozenxid o relminmxid o relacl a reloptions a "
     "relpartbound t tajo_bytes o tajo_view t"},
    {"pg_catalog.pg_collation",
     "oid o collname n collnamespace o collowner o collprovider c collisdeterministic b collencoding i collcollate t "
     "collctype t colliculocale t collversion t"},
    {"pg_catalog.pg_constraint",
     "oid o conname n connamespace o contype c condeferrable b condeferred b convalidated b conrelid o contypid o "
     "conindid o conparentid o confrelid o confupdtype c confdeltype c confmatchtype c conislocal b coninhcount i "
     "connoinherit b conkey a confkey a conpfeqop a conppeqop a conffeqop a confdelsetcols a conexclop a conbin t"},
    {"pg_catalog.pg_conversion",
     "oid o conname n connamespace o conowner o conforencoding i contoencoding i conproc o condefault b"},
    {"pg_catalog.pg_cursors",
     "name t statement t is_holdable b is_binary b is_scrollable b creation_time z"},
    {"pg_catalog.pg_database",
     "oid o datname n datdba o encoding i datlocprovider c datistemplate b datallowconn b datconnlimit i "
     "datfrozenxid o datminmxid o dattablespace o datcollate t datctype t daticulocale t datcollversion t datacl a "
     "tajo_bytes o"},
    {"pg_catalog.pg_db_role_setting",
     "setdatabase o setrole o setconfig a"},
    {"pg_catalog.pg_default_acl",
     "oid o defaclrole o defaclnamespace o defaclobjtype c defaclacl a"},
    {"pg_catalog.pg_depend",
     "classid o objid o objsubid i refclassid o refobjid o refobjsubid i deptype c"},
    {"pg_catalog.pg_description",
     "objoid o classoid o objsubid i description t"},
    {"pg_catalog.pg_enum",
     "oid o enumtypid o enumsortorder f enumlabel n"},
    {"pg_catalog.pg_event_trigger",
     "oid o evtname n evtevent n evtowner o evtfoid o evtenabled c evttags a"},
    {"pg_catalog.pg_extension",
     "oid o extname n extowner o extnamespace o extrelocatable b extversion t extconfig a extcondition a"},
    {"pg_catalog.pg_foreign_data_wrapper",
     "oid o fdwname n fdwowner o fdwhandler o fdwvalidator o fdwacl a fdwoptions a"},
    {"pg_catalog.pg_foreign_server",
     "oid o srvname n srvowner o srvfdw o srvtype t srvversion t srvacl a srvoptions a"},
    {"pg_catalog.pg_foreign_table",
     "ftrelid o ftserver o ftoptions a"},
    {"pg_catalog.pg_group",
     "groname n grosysid o grolist a"},
    {"pg_catalog.pg_index",
     "indexrelid o indrelid o indnatts i indnkeyatts i indisunique b indnullsnotdistinct b indisprimary b "
     "indisexclusion b indimmediate b indisclustered b indisvalid b indcheckxmin b indisready b indislive b "
     "indisreplident b indkey a indcollation a indclass a indoption a indexprs t indpred t"},
    {"pg_catalog.pg_indexes",
     "schemaname n tablename n indexname n tablespace n indexdef t"},
    {"pg_catalog.pg_inherits",
     "inhrelid o inhparent o inhseqno i inhdetachpending b"},
    {"pg_catalog.pg_language",
     "oid o lanname n lanowner o lanispl b lanpltrusted b lanplcallfoid o laninline o lanvalidator o lanacl a"},
    {"pg_catalog.pg_locks",
     "locktype t database o relation o page i tuple i virtualxid t transactionid o classid o objid o objsubid i "
     "virtualtransaction t pid i mode t granted b fastpath b waitstart z"},
    {"pg_catalog.pg_matviews",
     "schemaname n matviewname n matviewowner n tablespace n hasindexes b ispopulated b definition t"},
    {"pg_catalog.pg_namespace",
     "oid o nspname n nspowner o nspacl a"},
    {"pg_catalog.pg_opclass",
     "oid o opcmethod o opcname n opcnamespace o opcowner o opcfamily o opcintype o opcdefault b opckeytype o"},
    {"pg_catalog.pg_operator",
     "oid o oprname n oprnamespace o oprowner o oprkind c oprcanmerge b oprcanhash b oprleft o oprright o oprresult o "
     "oprcom o oprnegate o oprcode o oprrest o oprjoin o"},
    {"pg_catalog.pg_opfamily",
     "oid o opfmethod o opfname n opfnamespace o opfowner o"},
    {"pg_catalog.pg_partitioned_table",
     "partrelid o partstrat c partnatts i partdefid o partattrs a partclass a partcollation a partexprs t"},
    {"pg_catalog.pg_policies",
     "schemaname n tablename n policyname n permissive t roles a cmd t qual t with_check t"},
    {"pg_catalog.pg_policy",
     "oid o polname n polrelid o polcmd c polpermissive b polroles a polqual t polwithcheck t"},
    {"pg_catalog.pg_prepared_statements",
     "name t statement t prepare_time z parameter_types a from_sql b generic_plans o custom_plans o"},
    {"pg_catalog.pg_proc",
     "oid o proname n pronamespace o proowner o prolang o procost f prorows f provariadic o prosupport o prokind c "
     "prosecdef b proleakproof b proisstrict b proretset b provolatile c proparallel c pronargs i pronargdefaults i "
     "prorettype o proargtypes a proallargtypes a proargmodes a proargnames a proargdefaults t protrftypes a prosrc t "
     "probin t prosqlbody t proconfig a proacl a tajo_result t tajo_arguments t"},
    {"pg_catalog.pg_publication",
     "oid o pubname n pubowner o puballtables b pubinsert b pubupdate b pubdelete b pubtruncate b pubviaroot b"},
    {"pg_catalog.pg_publication_namespace",
     "oid o pnpubid o pnnspid o"},
    {"pg_catalog.pg_publication_rel",
     "oid o prpubid o prrelid o prqual t prattrs a"},
    {"pg_catalog.pg_publication_tables",
     "pubname n schemaname n tablename n attnames a rowfilter t"},
    {"pg_catalog.pg_range",
     "rngtypid o rngsubtype o rngmultitypid o rngcollation o rngsubopc o rngcanonical o rngsubdiff o"},
    {"pg_catalog.pg_rewrite",
     "oid o rulename n ev_class o ev_type c ev_enabled c is_instead b ev_qual t ev_action t"},
    {"pg_catalog.pg_roles",
     "rolname n rolsuper b rolinherit b rolcreaterole b rolcreatedb b rolcanlogin b rolreplication b rolconnlimit i "
     "rolpassword t rolvaliduntil z rolbypassrls b rolconfig a oid o"},
    {"pg_catalog.pg_rules",
     "schemaname n tablename n rulename n definition t"},
    {"pg_catalog.pg_sequence",
     "seqrelid o seqtypid o seqstart o seqincrement o seqmax o seqmin o seqcache o seqcycle b"},
    {"pg_catalog.pg_sequences",
     "schemaname n sequencename n sequenceowner n data_type t start_value o min_value o max_value o increment_by o "
     "cycle b cache_size o last_value o"},
    {"pg_catalog.pg_settings",
     "name t setting t unit t category t short_desc t extra_desc t context t vartype t source t min_val t max_val t "
     "enumvals a boot_val t reset_val t sourcefile t sourceline i pending_restart b"},
    {"pg_catalog.pg_shadow",
     "usename n usesysid o usecreatedb b usesuper b userepl b usebypassrls b passwd t valuntil z useconfig a"},
    {"pg_catalog.pg_shdepend",
     "dbid o classid o objid o objsubid i refclassid o refobjid o deptype c"},
    {"pg_catalog.pg_shdescription",
     "objoid o classoid o description t"},
    {"pg_catalog.pg_stat_activity",
     "datid o datname n pid i leader_pid i usesysid o usename n application_name t client_addr t client_hostname t "
     "client_port i backend_start z xact_start z query_start z state_change z wait_event_type t wait_event t state t "
     "backend_xid o backend_xmin o query_id o query t backend_type t"},
    {"pg_catalog.pg_stat_all_indexes",
     "relid o indexrelid o schemaname n relname n indexrelname n idx_scan o idx_tup_read o idx_tup_fetch o"},
    {"pg_catalog.pg_stat_all_tables",
     "relid o schemaname n relname n seq_scan o seq_tup_read o idx_scan o idx_tup_fetch o n_tup_ins o n_tup_upd o "
     "n_tup_del o n_tup_hot_upd o n_live_tup o n_dead_tup o n_mod_since_analyze o n_ins_since_vacuum o last_vacuum z "
     "last_autovacuum z last_analyze z last_autoanalyze z vacuum_count o autovacuum_count o analyze_count o "
     "autoanalyze_count o"},
    {"pg_catalog.pg_stat_database",
     "datid o datname n numbackends i xact_commit o xact_rollback o blks_read o blks_hit o tup_returned o "
     "tup_fetched o tup_inserted o tup_updated o tup_deleted o conflicts o temp_files o temp_bytes o deadlocks o "
     "checksum_failures o checksum_last_failure z blk_read_time f blk_write_time f session_time f active_time f "
     "idle_in_transaction_time f sessions o sessions_abandoned o sessions_fatal o sessions_killed o stats_reset z"},
    {"pg_catalog.pg_stat_sys_indexes",
     "relid o indexrelid o schemaname n relname n indexrelname n idx_scan o idx_tup_read o idx_tup_fetch o"},
    {"pg_catalog.pg_stat_sys_tables",
     "relid o schemaname n relname n seq_scan o seq_tup_read o idx_scan o idx_tup_fetch o n_tup_ins o n_tup_upd o "
     "n_tup_del o n_tup_hot_upd o n_live_tup o n_dead_tup o n_mod_since_analyze o n_ins_since_vacuum o last_vacuum z "
     "last_autovacuum z last_analyze z last_autoanalyze z vacuum_count o autovacuum_count o analyze_count o "
     "autoanalyze_count o"},
    {"pg_catalog.pg_stat_user_indexes",
     "relid o indexrelid o schemaname n relname n indexrelname n idx_scan o idx_tup_read o idx_tup_fetch o"},
    {"pg_catalog.pg_stat_user_tables",
     "relid o schemaname n relname n seq_scan o seq_tup_read o idx_scan o idx_tup_fetch o n_tup_ins o n_tup_upd o "
     "n_tup_del o n_tup_hot_upd o n_live_tup o n_dead_tup o n_mod_since_analyze o n_ins_since_vacuum o last_vacuum z "
     "last_autovacuum z last_analyze z last_autoanalyze z vacuum_count o autovacuum_count o analyze_count o "
     "autoanalyze_count o"},
    {"pg_catalog.pg_statistic",
     "starelid o staattnum i stainherit b stanullfrac f stawidth i stadistinct f stakind1 i stakind2 i stakind3 i "
     "stakind4 i stakind5 i staop1 o staop2 o staop3 o staop4 o staop5 o stacoll1 o stacoll2 o stacoll3 o stacoll4 o "
     "stacoll5 o stanumbers1 a stanumbers2 a stanumbers3 a stanumbers4 a stanumbers5 a stavalues1 a stavalues2 a "
     "stavalues3 a stavalues4 a stavalues5 a"},
    {"pg_catalog.pg_statistic_ext",
     "oid o stxrelid o stxname n stxnamespace o stxowner o stxstattarget i stxkeys a stxkind a stxexprs t"},
    {"pg_catalog.pg_stats",
     "schemaname n tablename n attname n inherited b null_frac f avg_width i n_distinct f most_common_vals a "
     "most_common_freqs a histogram_bounds a correlation f most_common_elems a most_common_elem_freqs a "
     "elem_count_histogram a"},
    {"pg_catalog.pg_subscription",
     "oid o subdbid o subskiplsn t subname n subowner o subenabled b subbinary b substream b subtwophasestate c "
     "subdisableonerr b subconninfo t subslotname n subsynccommit t subpublications a"},
    {"pg_catalog.pg_tables",
     "schemaname n tablename n tableowner n tablespace n hasindexes b hasrules b hastriggers b rowsecurity b"},
    {"pg_catalog.pg_tablespace",
     "oid o spcname n spcowner o spcacl a spcoptions a tajo_bytes o"},
    {"pg_catalog.pg_trigger",
     "oid o tgrelid o tgparentid o tgname n tgfoid o tgtype i tgenabled c tgisinternal b tgconstrrelid o "
     "tgconstrindid o tgconstraint o tgdeferrable b tginitdeferred b tgnargs i tgattr a tgargs t tgqual t tgoldtable n "
     "tgnewtable n"},
    {"pg_catalog.pg_type",
     "oid o typname n typnamespace o typowner o typlen i typbyval b typtype c typcategory c typispreferred b "
     "typisdefined b typdelim c typrelid o typsubscript o typelem o typarray o typinput o typoutput o typreceive o "
     "typsend o typmodin o typmodout o typanalyze o typalign c typstorage c typnotnull b typbasetype o typtypmod i "
     "typndims i typcollation o typdefaultbin t typdefault t typacl a"},
    {"pg_catalog.pg_user",
     "usename n usesysid o usecreatedb b usesuper b userepl b usebypassrls b passwd t valuntil z useconfig a"},
    {"pg_catalog.pg_user_mapping",
     "oid o umuser o umserver o umoptions a"},
    {"pg_catalog.pg_user_mappings",
     "umid o srvid o srvname n umuser o usename n umoptions a"},
    {"pg_catalog.pg_views",
     "schemaname n viewname n viewowner n definition t"},
    {"information_schema.applicable_roles",
     "grantee t role_name t is_grantable t"},
    {"information_schema.character_sets",
     "character_set_catalog t character_set_schema t character_set_name t character_repertoire t form_of_use t "
     "default_collate_catalog t default_collate_schema t default_collate_name t"},
    {"information_schema.check_constraints",
     "constraint_catalog t constraint_schema t constraint_name t check_clause t"},
    {"information_schema.columns",
     "table_catalog t table_schema t table_name t column_name t ordinal_position i column_default t is_nullable t "
     "data_type t character_maximum_length i character_octet_length i numeric_precision i numeric_precision_radix i "
     "numeric_scale i datetime_precision i interval_type t interval_precision i character_set_catalog t "
     "character_set_schema t character_set_name t collation_catalog t collation_schema t collation_name t "
     "domain_catalog t domain_schema t domain_name t udt_catalog t udt_schema t udt_name t scope_catalog t "
     "scope_schema t scope_name t maximum_cardinality i dtd_identifier t is_self_referencing t is_identity t "
     "identity_generation t identity_start t identity_increment t identity_maximum t identity_minimum t "
     "identity_cycle t is_generated t generation_expression t is_updatable t tid o tajo_type t"},
    {"information_schema.constraint_column_usage",
     "table_catalog t table_schema t table_name t column_name t constraint_catalog t constraint_schema t "
     "constraint_name t"},
    {"information_schema.element_types",
     "object_catalog t object_schema t object_name t object_type t collection_type_identifier t data_type t "
     "character_maximum_length i character_octet_length i character_set_catalog t character_set_schema t "
     "character_set_name t collation_catalog t collation_schema t collation_name t numeric_precision i "
     "numeric_precision_radix i numeric_scale i datetime_precision i interval_type t interval_precision i "
     "domain_default t udt_catalog t udt_schema t udt_name t scope_catalog t scope_schema t scope_name t "
     "maximum_cardinality i dtd_identifier t"},
    {"information_schema.enabled_roles",
     "role_name t"},
    {"information_schema.information_schema_catalog_name",
     "catalog_name t"},
    {"information_schema.key_column_usage",
     "constraint_catalog t constraint_schema t constraint_name t table_catalog t table_schema t table_name t "
     "column_name t ordinal_position i position_in_unique_constraint i"},
    {"information_schema.parameters",
     "specific_catalog t specific_schema t specific_name t ordinal_position i parameter_mode t is_result t "
     "as_locator t parameter_name t data_type t character_maximum_length i character_octet_length i "
     "character_set_catalog t character_set_schema t character_set_name t collation_catalog t collation_schema t "
     "collation_name t numeric_precision i numeric_precision_radix i numeric_scale i datetime_precision i "
     "interval_type t interval_precision i udt_catalog t udt_schema t udt_name t scope_catalog t scope_schema t "
     "scope_name t maximum_cardinality i dtd_identifier t parameter_default t"},
    {"information_schema.referential_constraints",
     "constraint_catalog t constraint_schema t constraint_name t unique_constraint_catalog t "
     "unique_constraint_schema t unique_constraint_name t match_option t update_rule t delete_rule t"},
    {"information_schema.routines",
     "specific_catalog t specific_schema t specific_name t routine_catalog t routine_schema t routine_name t "
     "routine_type t module_catalog t module_schema t module_name t"},
    {"information_schema.schemata",
     "catalog_name t schema_name t schema_owner t default_character_set_catalog t default_character_set_schema t "
     "default_character_set_name t sql_path t"},
    {"information_schema.sequences",
     "sequence_catalog t sequence_schema t sequence_name t data_type t numeric_precision i numeric_precision_radix i "
     "numeric_scale i start_value t minimum_value t maximum_value t increment t cycle_option t"},
    {"information_schema.table_constraints",
     "constraint_catalog t constraint_schema t constraint_name t table_catalog t table_schema t table_name t "
     "constraint_type t is_deferrable t initially_deferred t enforced t nulls_distinct t"},
    {"information_schema.table_privileges",
     "grantor t grantee t table_catalog t table_schema t table_name t privilege_type t is_grantable t with_hierarchy t"},
    {"information_schema.tables",
     "table_catalog t table_schema t table_name t table_type t self_referencing_column_name t reference_generation t "
     "user_defined_type_catalog t user_defined_type_schema t user_defined_type_name t is_insertable_into t is_typed t "
     "commit_action t tid o db_id o path t data_format t num_rows q num_bytes q"},
    {"information_schema.triggers",
     "trigger_catalog t trigger_schema t trigger_name t event_manipulation t event_object_catalog t "
     "event_object_schema t event_object_table t action_order i action_condition t action_statement t "
     "action_orientation t action_timing t action_reference_old_table t action_reference_new_table t "
     "action_reference_old_row t action_reference_new_row t created z"},
    {"information_schema.view_table_usage",
     "view_catalog t view_schema t view_name t table_catalog t table_schema t table_name t"},
    {"information_schema.views",
     "table_catalog t table_schema t table_name t view_definition t check_option t is_updatable t is_insertable_into t "
     "is_trigger_updatable t is_trigger_deletable t is_trigger_insertable_into t"},
    {"pg_catalog.pg_get_keywords",
     "word t catcode c barelabel b catdesc t baredesc t"},
};

}  // namespace

std::span<const SystemColumns> postgres_columns() { return kColumns; }

}  // namespace tajo::master
