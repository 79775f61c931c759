// for paimon, flink, spark
// SPDX-License-Identifier: Apache-2.0
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/**
 * What every driver has in common: requests on standard input, one a line,
 * fields between tabs; each is answered by lines, of which the last is "." or
 * "!" and a message. A process answers many requests, since a JVM starts
 * slowly. In fields \t \n \r \\ stand for themselves, and \N is null.
 *
 * Values have one canonical text in all engines, the one that engines.py makes
 * of Arrow columns: integers and decimals in digits, floats as the hexadecimal
 * bits, bytes in hexadecimal, dates as days, times as milliseconds, timestamps
 * of both kinds as microseconds since 1970.
 */
abstract class Driver {
	static final String NULL = "\\N";

	abstract void answer(List<String> request, Out out) throws Exception;

	static final class Out {
		private final PrintStream stream;

		Out(PrintStream stream)
		{
			this.stream = stream;
		}

		void line(Object... fields)
		{
			StringBuilder b = new StringBuilder();
			for (int i = 0; i < fields.length; i++) {
				if (i > 0)
					b.append('\t');
				b.append(fields[i]);
			}
			stream.print(b.append('\n'));
		}
	}

	/** Sums of rows that do not depend on their order. */
	static final class Digest {
		final String[] names;
		final long[] present;
		final long[] sums;
		long rows, sum;

		Digest(List<String> names)
		{
			this.names = names.toArray(new String[0]);
			present = new long[this.names.length];
			sums = new long[this.names.length];
		}

		static long hash(String text)
		{
			CRC32 crc = new CRC32();
			crc.update(text.getBytes(StandardCharsets.UTF_8));
			return crc.getValue();
		}

		void add(String[] cells)
		{
			rows++;
			sum += hash(String.join("\t", cells));
			for (int i = 0; i < cells.length; i++) {
				if (!cells[i].equals(NULL)) {
					present[i]++;
					sums[i] += hash(cells[i]);
				}
			}
		}

		void print(Out out)
		{
			out.line("rows", rows, sum);
			for (int i = 0; i < names.length; i++)
				out.line("column", names[i], present[i], sums[i]);
		}
	}

	static String escape(String s)
	{
		return s.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
			.replace("\r", "\\r");
	}

	static String unescape(String s)
	{
		StringBuilder b = new StringBuilder();
		for (int i = 0; i < s.length(); i++) {
			char c = s.charAt(i);
			if (c == '\\' && i + 1 < s.length()) {
				c = s.charAt(++i);
				c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
			}
			b.append(c);
		}
		return b.toString();
	}

	static String hex(byte[] bytes)
	{
		StringBuilder b = new StringBuilder();
		for (byte x : bytes)
			b.append(String.format("%02x", x));
		return b.toString();
	}

	static byte[] unhex(String s)
	{
		byte[] b = new byte[s.length() / 2];
		for (int i = 0; i < b.length; i++)
			b[i] = (byte) Integer.parseInt(s.substring(2 * i, 2 * i + 2), 16);
		return b;
	}

	static long micros(Instant t)
	{
		return t.getEpochSecond() * 1000000L + t.getNano() / 1000;
	}

	static String text(Object v)
	{
		if (v == null)
			return NULL;
		if (v instanceof Float)
			return String.format("%08x", Float.floatToIntBits((Float) v));
		if (v instanceof Double)
			return String.format("%016x", Double.doubleToLongBits((Double) v));
		if (v instanceof BigDecimal)
			return ((BigDecimal) v).toPlainString();
		if (v instanceof byte[])
			return hex((byte[]) v);
		if (v instanceof LocalDate)
			return Long.toString(((LocalDate) v).toEpochDay());
		if (v instanceof LocalTime)
			return Long.toString(((LocalTime) v).toNanoOfDay() / 1000000);
		if (v instanceof LocalDateTime)
			return Long.toString(micros(((LocalDateTime) v).toInstant(ZoneOffset.UTC)));
		if (v instanceof Instant)
			return Long.toString(micros((Instant) v));
		return escape(v.toString());
	}

	void run() throws Exception
	{
		PrintStream real = new PrintStream(System.out, false, "UTF-8");
		System.setOut(System.err); // whatever a library prints is no answer
		BufferedReader in = new BufferedReader(
			new InputStreamReader(System.in, StandardCharsets.UTF_8));
		Out out = new Out(real);
		for (String line; (line = in.readLine()) != null;) {
			List<String> request = new ArrayList<>();
			for (String field : line.split("\t", -1))
				request.add(field.equals(NULL) ? null : unescape(field));
			try {
				answer(request, out);
				real.print(".\n");
			} catch (Throwable e) {
				e.printStackTrace();
				StringBuilder message = new StringBuilder();
				for (Throwable c = e; c != null; c = c.getCause())
					message.append(message.length() > 0 ? " <- " : "").append(c);
				real.print("!" + escape(message.toString()) + "\n");
			}
			real.flush();
		}
	}
}
