// for paimon
// SPDX-License-Identifier: Apache-2.0
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.paimon.data.BinaryString;
import org.apache.paimon.data.GenericRow;
import org.apache.paimon.data.InternalRow;
import org.apache.paimon.data.Timestamp;
import org.apache.paimon.disk.IOManager;
import org.apache.paimon.predicate.Predicate;
import org.apache.paimon.predicate.PredicateBuilder;
import org.apache.paimon.reader.RecordReader;
import org.apache.paimon.reader.RecordReaderIterator;
import org.apache.paimon.table.FileStoreTable;
import org.apache.paimon.table.sink.BatchTableCommit;
import org.apache.paimon.table.sink.BatchTableWrite;
import org.apache.paimon.table.sink.BatchWriteBuilder;
import org.apache.paimon.table.source.ReadBuilder;

/**
 * What tests/bench/keyed.py times: Paimon's own write path, merge on read and
 * compaction, in one thread, on a table (id BIGINT, ts TIMESTAMP(3), item
 * STRING, n INT, amount DOUBLE). Every answer begins with the wall and CPU
 * seconds that the process took for it (JIT and collector included).
 *
 *   rows FILE ROWS        bring rows into memory: the columns one after the
 *                         other, little-endian; item is 12 bytes
 *   write TABLE FROM TO   these rows as one commit, without compaction
 *   scan TABLE            all rows merged: count, sum n, sum amount, last ts,
 *                         least and greatest item
 *   lookup TABLE ID...    one row each: sum of n
 *   compact TABLE         all runs of all buckets
 */
final class PaimonBench extends Driver {
	private static final int ITEM = 12;
	private long[] ids, times;
	private byte[] items;
	private int[] numbers;
	private double[] amounts;

	private static double cpu()
	{
		return ((com.sun.management.OperatingSystemMXBean)
			ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
	}

	private static IOManager io()
	{
		return IOManager.create(System.getProperty("java.io.tmpdir"));
	}

	private void rows(String file, int n) throws Exception
	{
		byte[] bytes = Files.readAllBytes(Paths.get(file));
		ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
		ids = new long[n];
		times = new long[n];
		items = new byte[n * ITEM];
		numbers = new int[n];
		amounts = new double[n];
		b.asLongBuffer().get(ids);
		b.position(8 * n);
		b.asLongBuffer().get(times);
		b.position(16 * n);
		b.get(items);
		b.asIntBuffer().get(numbers);
		b.position(b.position() + 4 * n);
		b.asDoubleBuffer().get(amounts);
	}

	private void write(FileStoreTable table, int from, int to) throws Exception
	{
		Map<String, String> only = new HashMap<>();
		only.put("write-only", "true");
		BatchWriteBuilder builder = table.copy(only).newBatchWriteBuilder();
		try (BatchTableWrite write = builder.newWrite();
		     BatchTableCommit commit = builder.newCommit()) {
			write.withIOManager(io());
			for (int i = from; i < to; i++)
				write.write(GenericRow.of(ids[i], Timestamp.fromEpochMillis(times[i]),
					BinaryString.fromBytes(items, i * ITEM, ITEM), numbers[i],
					amounts[i]));
			commit.commit(write.prepareCommit());
		}
	}

	private String scan(FileStoreTable table) throws Exception
	{
		ReadBuilder builder = table.newReadBuilder();
		long count = 0, n = 0, last = Long.MIN_VALUE;
		double amount = 0;
		BinaryString least = null, greatest = null;
		RecordReader<InternalRow> reader = builder.newRead()
			.withIOManager(io()).createReader(builder.newScan().plan());
		try (RecordReaderIterator<InternalRow> it = new RecordReaderIterator<>(reader)) {
			while (it.hasNext()) {
				InternalRow row = it.next();
				count += row.isNullAt(0) ? 0 : 1;
				n += row.getInt(3);
				amount += row.getDouble(4);
				last = Math.max(last, row.getTimestamp(1, 3).getMillisecond());
				BinaryString item = row.getString(2);
				if (least == null || item.compareTo(least) < 0)
					least = item.copy();
				if (greatest == null || item.compareTo(greatest) > 0)
					greatest = item.copy();
			}
		}
		return count + "\t" + n + "\t" + (long) amount + "\t" + last + "\t" + least + "\t" +
		       greatest;
	}

	private String lookup(FileStoreTable table, List<String> request) throws Exception
	{
		PredicateBuilder b = new PredicateBuilder(table.rowType());
		long sum = 0;
		for (String id : request.subList(2, request.size())) {
			Predicate p = b.equal(0, Long.valueOf(id));
			ReadBuilder builder = table.newReadBuilder().withFilter(p);
			RecordReader<InternalRow> reader = builder.newRead().executeFilter()
				.withIOManager(io()).createReader(builder.newScan().plan());
			try (RecordReaderIterator<InternalRow> it = new RecordReaderIterator<>(reader)) {
				while (it.hasNext())
					sum += it.next().getInt(3);
			}
		}
		return Long.toString(sum);
	}

	@Override
	void answer(List<String> r, Out out) throws Exception
	{
		long began = System.nanoTime();
		double before = cpu();
		String answer = "";
		switch (r.get(0)) {
		case "rows":
			rows(r.get(1), Integer.parseInt(r.get(2)));
			break;
		case "write":
			write((FileStoreTable) PaimonDriver.open(r.get(1)), Integer.parseInt(r.get(2)),
			      Integer.parseInt(r.get(3)));
			break;
		case "scan":
			answer = scan((FileStoreTable) PaimonDriver.open(r.get(1)));
			break;
		case "lookup":
			answer = lookup((FileStoreTable) PaimonDriver.open(r.get(1)), r);
			break;
		case "compact":
			PaimonTables.compact((FileStoreTable) PaimonDriver.open(r.get(1)), true);
			break;
		default:
			throw new IllegalArgumentException("no request " + r.get(0));
		}
		out.line((System.nanoTime() - began) / 1e9, cpu() - before, answer);
	}

	public static void main(String[] args) throws Exception
	{
		new PaimonBench().run();
	}
}
