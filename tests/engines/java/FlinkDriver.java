// for flink
// SPDX-License-Identifier: Apache-2.0
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ResultKind;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Flink's Table API on a mini cluster in this process, with Paimon's connector.
 *
 *   rows SQL            a statement in batch mode; its rows after the names
 *   digest SQL          sums of the rows
 *   explain SQL         the optimized plan
 *   prepare SQL         a statement in streaming mode, such as CREATE CATALOG
 *   stream SQL          start a streaming statement (one at a time), and keep it
 *   next N SECONDS      up to N rows of the streaming statement
 *   cancel              end it
 *
 * With -f FILE it runs the file's statements and prints their rows.
 */
final class FlinkDriver extends Driver {
	private TableEnvironment batch, streaming;
	private TableResult stream;
	private CloseableIterator<Row> streamRows;

	private static TableEnvironment environment(boolean streaming)
	{
		Configuration c = new Configuration();
		c.setString("parallelism.default", "1");
		c.setString("rest.bind-address", "127.0.0.1");
		c.setString("rest.address", "127.0.0.1");
		c.setString("rest.port", "0");
		c.setString("rest.bind-port", "0");
		c.setString("jobmanager.rpc.address", "127.0.0.1");
		c.setString("taskmanager.host", "127.0.0.1");
		c.setString("taskmanager.bind-host", "127.0.0.1");
		c.setString("taskmanager.memory.network.min", "32m");
		c.setString("taskmanager.memory.network.max", "32m");
		c.setString("taskmanager.memory.managed.size", "64m");
		c.setString("taskmanager.numberOfTaskSlots", "64");
		c.setString("table.local-time-zone", "UTC");
		c.setString("table.dynamic-table-options.enabled", "true");
		c.setString("table.dml-sync", "true");
		c.setString("execution.checkpointing.interval", "1 s");
		EnvironmentSettings.Builder s = EnvironmentSettings.newInstance().withConfiguration(c);
		return TableEnvironment.create((streaming ? s.inStreamingMode() : s.inBatchMode()).build());
	}

	private static String[] cells(Row row)
	{
		String[] cells = new String[row.getArity()];
		for (int i = 0; i < cells.length; i++)
			cells[i] = text(row.getField(i));
		return cells;
	}

	private static List<String> names(TableResult result)
	{
		List<String> names = new ArrayList<>();
		for (Column c : result.getResolvedSchema().getColumns())
			names.add(c.getName());
		return names;
	}

	@Override
	void answer(List<String> request, Out out) throws Exception
	{
		String what = request.get(0);
		if (batch == null)
			batch = environment(false);
		switch (what) {
		case "rows":
		case "digest": {
			TableResult result = batch.executeSql(request.get(1));
			if (request.get(1).matches("(?s)(INSERT|UPDATE|DELETE).*")) {
				result.await();
				break;
			}
			Digest digest = new Digest(names(result));
			if (what.equals("rows"))
				out.line(names(result).toArray());
			try (CloseableIterator<Row> it = result.collect()) {
				while (it.hasNext()) {
					String[] cells = cells(it.next());
					if (what.equals("rows"))
						out.line((Object[]) cells);
					else
						digest.add(cells);
				}
			}
			if (what.equals("digest"))
				digest.print(out);
			break;
		}
		case "explain":
			for (String line : batch.explainSql(request.get(1)).split("\n"))
				out.line(escape(line));
			break;
		case "prepare":
			if (streaming == null)
				streaming = environment(true);
			streaming.executeSql(request.get(1)).await();
			break;
		case "stream":
			if (streaming == null)
				streaming = environment(true);
			stream = streaming.executeSql(request.get(1));
			streamRows = stream.collect();
			break;
		case "next": {
			// hasNext blocks: another thread asks, and this one waits so long.
			int wanted = Integer.parseInt(request.get(1));
			long end = System.nanoTime() +
				TimeUnit.SECONDS.toNanos(Long.parseLong(request.get(2)));
			while (wanted > 0 && System.nanoTime() < end) {
				if (asking == null) {
					asking = new java.util.concurrent.FutureTask<>(
						() -> streamRows.hasNext() ? streamRows.next() : null);
					Thread t = new Thread(asking);
					t.setDaemon(true);
					t.start();
				}
				try {
					Row row = asking.get(end - System.nanoTime(), TimeUnit.NANOSECONDS);
					asking = null;
					if (row == null)
						break;
					out.line((Object[]) cells(row));
					wanted--;
				} catch (java.util.concurrent.TimeoutException e) {
					break;
				}
			}
			break;
		}
		case "cancel":
			stream.getJobClient().get().cancel().get();
			break;
		default:
			throw new IllegalArgumentException("no request " + what);
		}
	}

	private java.util.concurrent.FutureTask<Row> asking;

	/** A file of statements, each with a semicolon at a line's end, as Flink's
	 * SQL client runs it; SET of the runtime mode is obeyed, others are not. */
	private void script(String file) throws Exception
	{
		String text = new String(Files.readAllBytes(Paths.get(file)), StandardCharsets.UTF_8);
		TableEnvironment env = environment(true);
		for (String statement : text.split(";\\s*(\n|$)")) {
			if (statement.trim().isEmpty())
				continue;
			if (statement.trim().startsWith("SET")) {
				if (statement.contains("'execution.runtime-mode' = 'batch'"))
					env = environment(false);
				continue;
			}
			TableResult result = env.executeSql(statement);
			if (result.getResultKind() == ResultKind.SUCCESS_WITH_CONTENT)
				result.print();
			else
				result.await();
		}
	}

	public static void main(String[] args) throws Exception
	{
		if (args.length == 2 && args[0].equals("-f"))
			new FlinkDriver().script(args[1]);
		else
			new FlinkDriver().run();
		System.exit(0);
	}
}
