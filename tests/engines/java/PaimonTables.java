// for paimon
// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.paimon.catalog.Catalog;
import org.apache.paimon.catalog.CatalogContext;
import org.apache.paimon.catalog.CatalogFactory;
import org.apache.paimon.catalog.Identifier;
import org.apache.paimon.data.BinaryRow;
import org.apache.paimon.data.InternalRow;
import org.apache.paimon.deletionvectors.Bitmap64DeletionVector;
import org.apache.paimon.deletionvectors.BitmapDeletionVector;
import org.apache.paimon.deletionvectors.DeletionVector;
import org.apache.paimon.deletionvectors.append.BaseAppendDeleteFileMaintainer;
import org.apache.paimon.disk.IOManager;
import org.apache.paimon.fs.Path;
import org.apache.paimon.index.IndexFileMeta;
import org.apache.paimon.io.CompactIncrement;
import org.apache.paimon.io.DataFileMeta;
import org.apache.paimon.io.DataIncrement;
import org.apache.paimon.manifest.FileKind;
import org.apache.paimon.manifest.IndexManifestEntry;
import org.apache.paimon.options.Options;
import org.apache.paimon.reader.RecordReader;
import org.apache.paimon.reader.RecordReaderIterator;
import org.apache.paimon.schema.Schema;
import org.apache.paimon.schema.SchemaChange;
import org.apache.paimon.table.FileStoreTable;
import org.apache.paimon.table.sink.BatchTableCommit;
import org.apache.paimon.table.sink.BatchTableWrite;
import org.apache.paimon.table.sink.BatchWriteBuilder;
import org.apache.paimon.table.sink.CommitMessage;
import org.apache.paimon.table.sink.CommitMessageImpl;
import org.apache.paimon.table.source.DataSplit;
import org.apache.paimon.table.source.Split;
import org.apache.paimon.types.DataType;
import org.apache.paimon.types.DataTypeJsonParser;
import org.apache.paimon.types.RowType;

/**
 * Tables made and changed by Paimon's own Java library.
 *
 *   create TABLE OPTIONS PARTITION NAME TYPE [NAME TYPE]...
 *          OPTIONS are lines of key=value, PARTITION names between commas
 *   alter TABLE add NAME[.INNER] TYPE [first | AFTER] | drop NAME | rename NAME NEW |
 *         type NAME TYPE | move NAME [AFTER] | set KEY VALUE
 *   delete TABLE NAME VALUE...   by deletion vectors, rows with those values
 *   compact TABLE full|rules     every bucket: all of it, or what its writer
 *                                would by itself
 *   begin TABLE full|rules       the same, but nothing is committed
 *   end TABLE                    before this
 *   tag TABLE NAME
 *   branch TABLE NAME
 */
final class PaimonTables {
	private PaimonTables() { }

	private static Catalog catalog(String table) throws Exception
	{
		Options options = new Options();
		options.set("warehouse", "file:" + new java.io.File(table).getParentFile().getParent());
		return CatalogFactory.createCatalog(CatalogContext.create(options));
	}

	private static Identifier identifier(String table)
	{
		java.io.File file = new java.io.File(table);
		return Identifier.create(file.getParentFile().getName().replace(".db", ""),
					 file.getName());
	}

	private static DataType type(String text) throws Exception
	{
		if (!text.startsWith("{"))
			return DataTypeJsonParser.parseAtomicTypeSQLString(text);
		return DataTypeJsonParser.parseDataType(
			new org.apache.paimon.shade.jackson2.com.fasterxml.jackson.databind
				.ObjectMapper().readTree(text));
	}

	private static void create(List<String> r) throws Exception
	{
		Schema.Builder b = Schema.newBuilder();
		for (String line : r.get(2).split("\n"))
			if (!line.isEmpty())
				b.option(line.substring(0, line.indexOf('=')),
					 line.substring(line.indexOf('=') + 1));
		if (!r.get(3).isEmpty())
			b.partitionKeys(r.get(3).split(","));
		for (int i = 4; i < r.size(); i += 2)
			b.column(r.get(i), type(r.get(i + 1)));
		try (Catalog c = catalog(r.get(1))) {
			c.createDatabase(identifier(r.get(1)).getDatabaseName(), true);
			c.createTable(identifier(r.get(1)), b.build(), false);
		}
	}

	private static SchemaChange change(List<String> r) throws Exception
	{
		String name = r.get(3);
		String to = r.size() > 4 ? r.get(4) : null;
		switch (r.get(2)) {
		case "add":
			if (name.contains("."))
				return SchemaChange.addColumn(name.split("\\."), type(to), null,
							      null);
			if (r.size() == 5)
				return SchemaChange.addColumn(name, type(to));
			return SchemaChange.addColumn(name, type(to), null,
				r.get(5).equals("first") ? SchemaChange.Move.first(name)
							 : SchemaChange.Move.after(name, r.get(5)));
		case "drop":
			return SchemaChange.dropColumn(name);
		case "rename":
			return SchemaChange.renameColumn(name, to);
		case "type":
			return SchemaChange.updateColumnType(name, type(to));
		case "move":
			return SchemaChange.updateColumnPosition(
				to == null ? SchemaChange.Move.first(name)
					   : SchemaChange.Move.after(name, to));
		case "set":
			return SchemaChange.setOption(name, to);
		default:
			throw new IllegalArgumentException("no change " + r.get(2));
		}
	}

	/** Positions of the rows to go, in the file's own order. */
	private static DeletionVector vector(FileStoreTable table, DataSplit split, DataFileMeta file,
					     int column, Set<String> values, boolean wide)
		throws Exception
	{
		RowType type = table.rowType();
		DeletionVector v = wide ? new Bitmap64DeletionVector() : new BitmapDeletionVector();
		// As if nothing had been deleted: positions are those of the file.
		DataSplit one = DataSplit.builder().withSnapshot(split.snapshotId())
			.withPartition(split.partition()).withBucket(split.bucket())
			.withBucketPath(split.bucketPath()).withTotalBuckets(split.totalBuckets())
			.withDataFiles(Collections.singletonList(file)).rawConvertible(true).build();
		RecordReader<InternalRow> reader = table.newReadBuilder().newRead().createReader(one);
		long at = 0;
		try (RecordReaderIterator<InternalRow> it = new RecordReaderIterator<>(reader)) {
			for (; it.hasNext(); at++) {
				String text = Driver.text(PaimonDriver.object(it.next(), column,
									      type.getTypeAt(column)));
				if (values.contains(text))
					v.delete(at);
			}
		}
		return v;
	}

	private static CommitMessage message(BinaryRow partition, int bucket, Integer buckets,
					     List<IndexManifestEntry> entries) throws Exception
	{
		List<IndexFileMeta> made = new ArrayList<>(), gone = new ArrayList<>();
		for (IndexManifestEntry e : entries)
			(e.kind() == FileKind.ADD ? made : gone).add(e.indexFile());
		List<DataFileMeta> none = new ArrayList<>();
		for (Constructor<?> c : DataIncrement.class.getConstructors())
			if (c.getParameterCount() == 5)
				return new CommitMessageImpl(partition, bucket, buckets,
					(DataIncrement) c.newInstance(none, none, none, made, gone),
					CompactIncrement.emptyIncrement());
		// Until 1.2 the index had an increment of its own.
		Object index = Class.forName("org.apache.paimon.io.IndexIncrement")
			.getConstructor(List.class, List.class).newInstance(made, gone);
		for (Constructor<?> c : CommitMessageImpl.class.getConstructors())
			if (c.getParameterCount() == 6)
				return (CommitMessage) c.newInstance(partition, bucket, buckets,
					new DataIncrement(none, none, none),
					CompactIncrement.emptyIncrement(), index);
		throw new IllegalStateException("no way to commit deletion vectors");
	}

	private static void delete(List<String> r) throws Exception
	{
		FileStoreTable table = (FileStoreTable) PaimonDriver.open(r.get(1));
		boolean wide = "true".equals(table.options().get("deletion-vectors.bitmap64"));
		boolean unaware = "-1".equals(table.options().getOrDefault("bucket", "-1"));
		int column = table.rowType().getFieldIndex(r.get(2));
		Set<String> values = new HashSet<>(r.subList(3, r.size()));
		Map<Object, BaseAppendDeleteFileMaintainer> maintainers = new HashMap<>();
		Map<Object, DataSplit> splits = new HashMap<>();
		for (Split s : table.newReadBuilder().newScan().plan().splits()) {
			DataSplit split = (DataSplit) s;
			Object key = Arrays.asList(split.partition(), split.bucket());
			if (!maintainers.containsKey(key)) {
				maintainers.put(key, unaware
					? BaseAppendDeleteFileMaintainer.forUnawareAppend(
						table.store().newIndexFileHandler(),
						table.latestSnapshot().get(), split.partition())
					: BaseAppendDeleteFileMaintainer.forBucketedAppend(
						table.store().newIndexFileHandler(),
						table.latestSnapshot().get(), split.partition(),
						split.bucket()));
				splits.put(key, split);
			}
			for (DataFileMeta file : split.dataFiles()) {
				DeletionVector v = vector(table, split, file, column, values, wide);
				if (!v.isEmpty())
					maintainers.get(key).notifyNewDeletionVector(file.fileName(), v);
			}
		}
		List<CommitMessage> messages = new ArrayList<>();
		for (Map.Entry<Object, BaseAppendDeleteFileMaintainer> m : maintainers.entrySet()) {
			DataSplit split = splits.get(m.getKey());
			messages.add(message(split.partition(), split.bucket(), split.totalBuckets(),
					     m.getValue().persist()));
		}
		try (BatchTableCommit commit = table.newBatchWriteBuilder().newCommit()) {
			commit.commit(messages);
		}
	}

	private static List<CommitMessage> compact(FileStoreTable table, BatchTableWrite write,
						   boolean full) throws Exception
	{
		Set<Object> seen = new HashSet<>();
		write.withIOManager(IOManager.create(System.getProperty("java.io.tmpdir")));
		for (Split s : table.newReadBuilder().newScan().plan().splits()) {
			DataSplit split = (DataSplit) s;
			if (seen.add(Arrays.asList(split.partition(), split.bucket())))
				write.compact(split.partition(), split.bucket(), full);
		}
		return write.prepareCommit();
	}

	static void compact(FileStoreTable table, boolean full) throws Exception
	{
		BatchWriteBuilder builder = table.newBatchWriteBuilder();
		try (BatchTableWrite write = builder.newWrite();
		     BatchTableCommit commit = builder.newCommit()) {
			commit.commit(compact(table, write, full));
		}
	}

	// A compaction whose files are written, and that waits for its commit.
	private static BatchTableWrite begun;
	private static BatchTableCommit waiting;
	private static List<CommitMessage> written;

	private static void begin(FileStoreTable table, boolean full) throws Exception
	{
		BatchWriteBuilder builder = table.newBatchWriteBuilder();
		begun = builder.newWrite();
		waiting = builder.newCommit();
		written = compact(table, begun, full);
	}

	private static void end() throws Exception
	{
		try (BatchTableWrite write = begun; BatchTableCommit commit = waiting) {
			commit.commit(written);
		}
	}

	static boolean answer(List<String> r) throws Exception
	{
		switch (r.get(0)) {
		case "create":
			create(r);
			return true;
		case "alter":
			try (Catalog c = catalog(r.get(1))) {
				c.alterTable(identifier(r.get(1)), change(r), false);
			}
			return true;
		case "delete":
			delete(r);
			return true;
		case "compact":
			compact((FileStoreTable) PaimonDriver.open(r.get(1)),
				r.get(2).equals("full"));
			return true;
		case "begin":
			begin((FileStoreTable) PaimonDriver.open(r.get(1)), r.get(2).equals("full"));
			return true;
		case "end":
			end();
			return true;
		case "tag":
			((FileStoreTable) PaimonDriver.open(r.get(1))).createTag(r.get(2));
			return true;
		case "branch":
			((FileStoreTable) PaimonDriver.open(r.get(1))).createBranch(r.get(2));
			return true;
		default:
			return false;
		}
	}
}
