// for paimon
// SPDX-License-Identifier: Apache-2.0
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.paimon.data.BinaryString;
import org.apache.paimon.data.Decimal;
import org.apache.paimon.data.GenericArray;
import org.apache.paimon.data.GenericMap;
import org.apache.paimon.data.GenericRow;
import org.apache.paimon.data.InternalArray;
import org.apache.paimon.data.InternalMap;
import org.apache.paimon.data.InternalRow;
import org.apache.paimon.data.Timestamp;
import org.apache.paimon.shade.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.paimon.shade.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.paimon.types.ArrayType;
import org.apache.paimon.types.DataField;
import org.apache.paimon.types.DataType;
import org.apache.paimon.types.IntType;
import org.apache.paimon.types.MapType;
import org.apache.paimon.types.MultisetType;
import org.apache.paimon.types.RowType;

/**
 * Lists, maps and rows from JSON and as JSON: rows are objects, maps objects or,
 * with keys that are nested themselves, arrays of {"key": ..., "value": ...}.
 */
final class PaimonNested {
	private static final DateTimeFormatter MILLIS =
		DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS");

	private PaimonNested() { }

	static boolean is(DataType type)
	{
		return type instanceof ArrayType || type instanceof MapType ||
			type instanceof MultisetType || type instanceof RowType;
	}

	static Object read(DataType type, String json) throws Exception
	{
		return read(type, new ObjectMapper().readTree(json));
	}

	private static DataType keyOf(DataType type)
	{
		return type instanceof MapType ? ((MapType) type).getKeyType()
					       : ((MultisetType) type).getElementType();
	}

	private static DataType valueOf(DataType type)
	{
		return type instanceof MapType ? ((MapType) type).getValueType() : new IntType();
	}

	private static Object read(DataType type, JsonNode j) throws Exception
	{
		if (j == null || j.isNull())
			return null;
		if (type instanceof ArrayType) {
			Object[] items = new Object[j.size()];
			for (int i = 0; i < items.length; i++)
				items[i] = read(((ArrayType) type).getElementType(), j.get(i));
			return new GenericArray(items);
		}
		if (type instanceof RowType) {
			List<DataField> fields = ((RowType) type).getFields();
			GenericRow row = new GenericRow(fields.size());
			for (int i = 0; i < fields.size(); i++)
				row.setField(i, read(fields.get(i).type(), j.get(fields.get(i).name())));
			return row;
		}
		if (is(type)) {
			Map<Object, Object> map = new LinkedHashMap<>();
			if (j.isArray()) {
				for (JsonNode e : j)
					map.put(read(keyOf(type), e.get("key")),
						read(valueOf(type), e.get("value")));
			} else {
				for (Iterator<String> it = j.fieldNames(); it.hasNext();) {
					String name = it.next();
					map.put(PaimonDriver.value(keyOf(type), name),
						read(valueOf(type), j.get(name)));
				}
			}
			return new GenericMap(map);
		}
		switch (type.getTypeRoot()) {
		case DOUBLE:
			return j.asDouble();
		case DATE:
			return (int) LocalDate.parse(j.asText()).toEpochDay();
		case TIMESTAMP_WITHOUT_TIME_ZONE:
			return Timestamp.fromLocalDateTime(java.time.LocalDateTime.parse(j.asText()));
		default:
			return PaimonDriver.value(type, j.asText());
		}
	}

	private static String quoted(String s) throws Exception
	{
		return new ObjectMapper().writeValueAsString(s);
	}

	private static String array(InternalArray a, DataType type) throws Exception
	{
		List<String> parts = new ArrayList<>();
		InternalArray.ElementGetter get = InternalArray.createElementGetter(type);
		for (int i = 0; i < a.size(); i++)
			parts.add(text(get.getElementOrNull(a, i), type));
		return "[" + String.join(",", parts) + "]";
	}

	private static String map(InternalMap m, DataType type) throws Exception
	{
		List<String> parts = new ArrayList<>();
		boolean nested = is(keyOf(type));
		InternalArray.ElementGetter key = InternalArray.createElementGetter(keyOf(type));
		InternalArray.ElementGetter value = InternalArray.createElementGetter(valueOf(type));
		for (int i = 0; i < m.size(); i++) {
			String k = text(key.getElementOrNull(m.keyArray(), i), keyOf(type));
			String v = text(value.getElementOrNull(m.valueArray(), i), valueOf(type));
			if (nested)
				parts.add("{\"key\":" + k + ",\"value\":" + v + "}");
			else
				parts.add((k.startsWith("\"") ? k : quoted(k)) + ":" + v);
		}
		String all = String.join(",", parts);
		return nested ? "[" + all + "]" : "{" + all + "}";
	}

	static String text(Object v, DataType type) throws Exception
	{
		if (v == null)
			return "null";
		if (type instanceof ArrayType)
			return array((InternalArray) v, ((ArrayType) type).getElementType());
		if (type instanceof RowType) {
			List<String> parts = new ArrayList<>();
			List<DataField> fields = ((RowType) type).getFields();
			for (int i = 0; i < fields.size(); i++) {
				DataType t = fields.get(i).type();
				parts.add(quoted(fields.get(i).name()) + ":" +
					text(InternalRow.createFieldGetter(t, i)
						.getFieldOrNull((InternalRow) v), t));
			}
			return "{" + String.join(",", parts) + "}";
		}
		if (is(type))
			return map((InternalMap) v, type);
		if (v instanceof BinaryString)
			return quoted(v.toString());
		if (v instanceof Decimal)
			return ((Decimal) v).toBigDecimal().toPlainString();
		if (v instanceof Timestamp)
			return quoted(((Timestamp) v).toLocalDateTime().format(MILLIS));
		if (type.getTypeRoot().name().equals("DATE"))
			return quoted(LocalDate.ofEpochDay((Integer) v).toString());
		return v.toString();
	}
}
