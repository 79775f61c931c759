// for paimon
// SPDX-License-Identifier: Apache-2.0
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.paimon.data.BinaryString;
import org.apache.paimon.data.Decimal;
import org.apache.paimon.data.GenericRow;
import org.apache.paimon.data.InternalRow;
import org.apache.paimon.data.Timestamp;
import org.apache.paimon.disk.IOManager;
import org.apache.paimon.fs.Path;
import org.apache.paimon.fs.local.LocalFileIO;
import org.apache.paimon.io.DataFileMeta;
import org.apache.paimon.options.ExpireConfig;
import org.apache.paimon.predicate.Predicate;
import org.apache.paimon.predicate.PredicateBuilder;
import org.apache.paimon.reader.RecordReader;
import org.apache.paimon.reader.RecordReaderIterator;
import org.apache.paimon.table.BucketMode;
import org.apache.paimon.table.FileStoreTable;
import org.apache.paimon.table.FileStoreTableFactory;
import org.apache.paimon.table.Table;
import org.apache.paimon.table.sink.BatchTableCommit;
import org.apache.paimon.table.sink.BatchTableWrite;
import org.apache.paimon.table.sink.BatchWriteBuilder;
import org.apache.paimon.table.source.DataSplit;
import org.apache.paimon.table.source.ReadBuilder;
import org.apache.paimon.table.source.Split;
import org.apache.paimon.table.source.TableScan;
import org.apache.paimon.table.system.SystemTableLoader;
import org.apache.paimon.types.DataType;
import org.apache.paimon.types.DecimalType;
import org.apache.paimon.types.LocalZonedTimestampType;
import org.apache.paimon.types.RowKind;
import org.apache.paimon.types.RowType;
import org.apache.paimon.types.TimestampType;

/**
 * Paimon's own Java library, of the version on the class path.
 *
 *   digest TABLE [COLUMN OP [VALUE]]...   files and splits planned, sums of the rows
 *   rows TABLE [COLUMN OP [VALUE]]...     the rows, after a line of names
 *   changes TABLE FROM TO                 what differs between two snapshots: a kind
 *                                         and the row as it is, or -D and as it was
 *   write TABLE CELL...                   one row; kept until commit
 *   change TABLE KIND CELL...             the same with a kind: +I -U +U -D
 *   commit TABLE [KEY VALUE]...           what was written, as one snapshot,
 *                                         by a table with these options, too;
 *                                         overwrite PARTITION=VALUE: of this one
 *                                         nothing else stays
 *   expire TABLE KEEP                     all but the newest KEEP snapshots
 *
 * and those of PaimonTables, which make and change tables.
 *
 * TABLE is a directory, followed by $files, $snapshots, ... for a system table.
 * OP is one of = < <= > >= (and a VALUE), null, notnull. Rows are filtered by
 * the library itself, by all it knows: partition, statistics, file index.
 */
final class PaimonDriver extends Driver {
	private final List<GenericRow> pending = new ArrayList<>();

	static Table open(String name) throws Exception
	{
		int at = name.indexOf('$', name.lastIndexOf('/') + 1);
		String path = at < 0 ? name : name.substring(0, at);
		FileStoreTable table =
			FileStoreTableFactory.create(LocalFileIO.create(), new Path(path));
		return at < 0 ? table : SystemTableLoader.load(name.substring(at + 1), table);
	}

	private static Timestamp moment(String text)
	{
		long us = Long.parseLong(text);
		return Timestamp.fromEpochMillis(Math.floorDiv(us, 1000L),
						 (int) Math.floorMod(us, 1000L) * 1000);
	}

	static Object value(DataType type, String text) throws Exception
	{
		if (text == null)
			return null;
		if (PaimonNested.is(type))
			return PaimonNested.read(type, text);
		switch (type.getTypeRoot()) {
		case BOOLEAN:
			return Boolean.valueOf(text);
		case TINYINT:
			return Byte.valueOf(text);
		case SMALLINT:
			return Short.valueOf(text);
		case INTEGER:
		case DATE:
		case TIME_WITHOUT_TIME_ZONE:
			return Integer.valueOf(text);
		case BIGINT:
			return Long.valueOf(text);
		case FLOAT:
			return Float.intBitsToFloat(Integer.parseUnsignedInt(text, 16));
		case DOUBLE:
			return Double.longBitsToDouble(Long.parseUnsignedLong(text, 16));
		case DECIMAL:
			return Decimal.fromBigDecimal(new BigDecimal(text),
						      ((DecimalType) type).getPrecision(),
						      ((DecimalType) type).getScale());
		case CHAR:
		case VARCHAR:
			return BinaryString.fromString(text);
		case BINARY:
		case VARBINARY:
			return unhex(text);
		case TIMESTAMP_WITHOUT_TIME_ZONE:
		case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
			return moment(text);
		default:
			throw new IllegalArgumentException("no text for " + type);
		}
	}

	static Object object(InternalRow row, int i, DataType type) throws Exception
	{
		if (row.isNullAt(i))
			return null;
		if (PaimonNested.is(type))
			return PaimonNested.text(InternalRow.createFieldGetter(type, i)
				.getFieldOrNull(row), type);
		switch (type.getTypeRoot()) {
		case DECIMAL:
			DecimalType d = (DecimalType) type;
			return row.getDecimal(i, d.getPrecision(), d.getScale()).toBigDecimal();
		case TIMESTAMP_WITHOUT_TIME_ZONE:
			return row.getTimestamp(i, ((TimestampType) type).getPrecision())
				.toLocalDateTime();
		case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
			return row.getTimestamp(i, ((LocalZonedTimestampType) type).getPrecision())
				.toLocalDateTime();
		default:
			return InternalRow.createFieldGetter(type, i).getFieldOrNull(row);
		}
	}

	private static Predicate filter(RowType type, List<String> request) throws Exception
	{
		PredicateBuilder b = new PredicateBuilder(type);
		List<Predicate> all = new ArrayList<>();
		for (int i = 2; i < request.size();) {
			int column = b.indexOf(request.get(i++));
			String op = request.get(i++);
			if (op.equals("null") || op.equals("notnull")) {
				all.add(op.equals("null") ? b.isNull(column) : b.isNotNull(column));
				continue;
			}
			Object v = value(type.getTypeAt(column), request.get(i++));
			switch (op) {
			case "=": all.add(b.equal(column, v)); break;
			case "<": all.add(b.lessThan(column, v)); break;
			case "<=": all.add(b.lessOrEqual(column, v)); break;
			case ">": all.add(b.greaterThan(column, v)); break;
			case ">=": all.add(b.greaterOrEqual(column, v)); break;
			default: throw new IllegalArgumentException("no operator " + op);
			}
		}
		return all.isEmpty() ? null : PredicateBuilder.and(all);
	}

	private void read(List<String> request, Out out, boolean rows) throws Exception
	{
		Table table = open(request.get(1));
		RowType type = table.rowType();
		ReadBuilder builder = table.newReadBuilder();
		Predicate predicate = filter(type, request);
		if (predicate != null)
			builder.withFilter(predicate);
		TableScan.Plan plan = builder.newScan().plan();
		Digest digest = new Digest(type.getFieldNames());
		if (rows)
			out.line(type.getFieldNames().toArray());
		RecordReader<InternalRow> reader =
			builder.newRead().executeFilter().createReader(plan);
		try (RecordReaderIterator<InternalRow> it = new RecordReaderIterator<>(reader)) {
			while (it.hasNext()) {
				InternalRow row = it.next();
				String[] cells = new String[type.getFieldCount()];
				for (int i = 0; i < cells.length; i++)
					cells[i] = text(object(row, i, type.getTypeAt(i)));
				if (rows)
					out.line((Object[]) cells);
				else
					digest.add(cells);
			}
		}
		if (rows)
			return;
		Set<String> files = new HashSet<>();
		for (Split split : plan.splits()) {
			if (split instanceof DataSplit) {
				for (DataFileMeta file : ((DataSplit) split).dataFiles())
					files.add(file.fileName());
			}
		}
		out.line("files", files.size(), plan.splits().size());
		digest.print(out);
	}

	private void changes(List<String> request, Out out) throws Exception
	{
		Map<String, String> between = new HashMap<>();
		between.put("incremental-between", request.get(2) + "," + request.get(3));
		between.put("incremental-between-scan-mode", "diff");
		// The audit log is what keeps deletes; its first column is the kind.
		Table table = open(request.get(1) + "$audit_log").copy(between);
		RowType type = table.rowType();
		ReadBuilder builder = table.newReadBuilder();
		out.line(type.getFieldNames().toArray());
		RecordReader<InternalRow> reader =
			builder.newRead().createReader(builder.newScan().plan());
		try (RecordReaderIterator<InternalRow> it = new RecordReaderIterator<>(reader)) {
			while (it.hasNext()) {
				InternalRow row = it.next();
				String[] cells = new String[type.getFieldCount()];
				for (int i = 0; i < cells.length; i++)
					cells[i] = text(object(row, i, type.getTypeAt(i)));
				out.line((Object[]) cells);
			}
		}
	}

	private void commit(FileStoreTable table, String over) throws Exception
	{
		BatchWriteBuilder builder = table.newBatchWriteBuilder();
		if (over != null)
			builder.withOverwrite(java.util.Collections.singletonMap(
				over.substring(0, over.indexOf('=')),
				over.substring(over.indexOf('=') + 1)));
		try (BatchTableWrite write = builder.newWrite();
		     BatchTableCommit commit = builder.newCommit()) {
			write.withIOManager(IOManager.create(System.getProperty("java.io.tmpdir")));
			// Who assigns dynamic buckets does so by an index that is Flink's:
			// here, by a hash of the row's first column.
			boolean dynamic = table.bucketMode() == BucketMode.HASH_DYNAMIC;
			for (GenericRow row : pending) {
				if (dynamic)
					write.write(row, Math.floorMod(row.getField(0).hashCode(), 3));
				else
					write.write(row);
			}
			commit.commit(write.prepareCommit());
		} finally {
			pending.clear();
		}
	}

	private static GenericRow row(RowType type, List<String> request, int from) throws Exception
	{
		GenericRow row = new GenericRow(type.getFieldCount());
		for (int i = 0; i < type.getFieldCount(); i++)
			row.setField(i, value(type.getTypeAt(i), request.get(i + from)));
		return row;
	}

	@Override
	void answer(List<String> request, Out out) throws Exception
	{
		String name = request.get(1);
		switch (request.get(0)) {
		case "digest":
		case "rows":
			read(request, out, request.get(0).equals("rows"));
			break;
		case "changes":
			changes(request, out);
			break;
		case "write":
			pending.add(row(open(name).rowType(), request, 2));
			break;
		case "change": {
			GenericRow row = row(open(name).rowType(), request, 3);
			row.setRowKind(RowKind.fromShortString(request.get(2)));
			pending.add(row);
			break;
		}
		case "commit": {
			Map<String, String> options = new HashMap<>();
			for (int i = 2; i < request.size(); i += 2)
				options.put(request.get(i), request.get(i + 1));
			String over = options.remove("overwrite");
			commit(((FileStoreTable) open(name)).copy(options), over);
			break;
		}
		case "expire": {
			int keep = Integer.parseInt(request.get(2));
			int n = ((FileStoreTable) open(name)).newExpireSnapshots()
				.config(ExpireConfig.builder().snapshotRetainMax(keep)
					.snapshotRetainMin(keep)
					.snapshotTimeRetain(Duration.ofMillis(1)).build())
				.expire();
			out.line("expired", n);
			break;
		}
		default:
			if (!PaimonTables.answer(request))
				throw new IllegalArgumentException("no request " + request.get(0));
		}
	}

	public static void main(String[] args) throws Exception
	{
		new PaimonDriver().run();
	}
}
