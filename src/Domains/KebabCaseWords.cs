using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>An enum as words with hyphens; numbers are refused.</summary>
/// <typeparam name="T">The enum.</typeparam>
public sealed class KebabCaseWords<T>()
    : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
