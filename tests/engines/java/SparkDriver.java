// for spark
// SPDX-License-Identifier: Apache-2.0
import java.util.Arrays;
import java.util.List;
import java.util.Iterator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Spark SQL in this process (one local thread, no pages to look at), with
 * Paimon's catalog under the name paimon; the argument is the warehouse.
 *
 *   rows SQL       its rows after the names
 *   digest SQL     sums of the rows
 *   explain SQL    the physical plan after it ran, with the scans' metrics
 */
final class SparkDriver extends Driver {
	private final SparkSession spark;

	SparkDriver(String warehouse)
	{
		spark = SparkSession.builder().master("local[1]").appName("engines")
			.config("spark.ui.enabled", "false")
			.config("spark.driver.host", "127.0.0.1")
			.config("spark.driver.bindAddress", "127.0.0.1")
			.config("spark.sql.shuffle.partitions", "1")
			.config("spark.sql.session.timeZone", "UTC")
			.config("spark.sql.datetime.java8API.enabled", "true")
			.config("spark.sql.warehouse.dir", warehouse + "/spark")
			.config("spark.sql.catalog.paimon", "org.apache.paimon.spark.SparkCatalog")
			.config("spark.sql.catalog.paimon.warehouse", "file:" + warehouse)
			.config("spark.sql.extensions",
				"org.apache.paimon.spark.extensions.PaimonSparkSessionExtensions")
			.getOrCreate();
		spark.sql("USE paimon.default");
	}

	private static String[] cells(Row row)
	{
		String[] cells = new String[row.size()];
		for (int i = 0; i < cells.length; i++)
			cells[i] = text(row.get(i));
		return cells;
	}

	@Override
	void answer(List<String> request, Out out) throws Exception
	{
		String what = request.get(0);
		Dataset<Row> result = spark.sql(request.get(1));
		Digest digest = new Digest(Arrays.asList(result.columns()));
		if (what.equals("rows"))
			out.line((Object[]) result.columns());
		for (Iterator<Row> it = result.toLocalIterator(); it.hasNext();) {
			String[] cells = cells(it.next());
			if (what.equals("rows"))
				out.line((Object[]) cells);
			else
				digest.add(cells);
		}
		if (what.equals("digest"))
			digest.print(out);
		if (what.equals("explain")) {
			result.collectAsList();
			for (String line : result.queryExecution().toString().split("\n"))
				out.line(escape(line));
			metrics(result.queryExecution().executedPlan(), out);
		}
	}

	private static void metrics(org.apache.spark.sql.execution.SparkPlan plan, Out out)
	{
		if (plan instanceof org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec) {
			metrics(((org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec) plan)
				.executedPlan(), out);
			return;
		}
		if (plan.nodeName().startsWith("BatchScan")) {
			scala.collection.Iterator<scala.Tuple2<String,
				org.apache.spark.sql.execution.metric.SQLMetric>> it =
				plan.metrics().iterator();
			while (it.hasNext()) {
				scala.Tuple2<String, org.apache.spark.sql.execution.metric.SQLMetric> m = it.next();
				out.line("metric", m._1(), m._2().value());
			}
		}
		scala.collection.Iterator<org.apache.spark.sql.execution.SparkPlan> children =
			plan.children().iterator();
		while (children.hasNext())
			metrics(children.next(), out);
	}

	public static void main(String[] args) throws Exception
	{
		new SparkDriver(args[0]).run();
		System.exit(0);
	}
}
