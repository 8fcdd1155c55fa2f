using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tracking.Management;

/// <summary>Times in answers: RFC 3339 in UTC with microseconds, PostgreSQL's precision, always six digits so that
/// they also sort as text.</summary>
internal sealed class Rfc3339Time : JsonConverter<DateTimeOffset>
{
    public static string Format(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    public override DateTimeOffset Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Format(value));
}
