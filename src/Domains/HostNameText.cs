using System.Text.Json;
using System.Text.Json.Serialization;
using Tracking.Links;

namespace Tracking.Domains;

/// <summary>Writes a host name as a JSON string.</summary>
public sealed class HostNameText : JsonConverter<HostName>
{
    /// <inheritdoc/>
    public override HostName Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        HostName.TryParse(reader.GetString(), out var name)
            ? name
            : throw new JsonException("This is not a host name.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, HostName value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.Value);
    }
}
