using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>Writes an enum as lower-case words with hyphens. Numbers are refused.</summary>
/// <typeparam name="T">The enum.</typeparam>
public sealed class KebabCaseWords<T>()
    : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
