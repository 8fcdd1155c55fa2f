using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Tracking.Api;

namespace Tracking.Management.Requests;

/// <summary>Reads query parameters, and describes what is wrong with them.</summary>
internal static class ReadQuery
{
    /// <summary>The number of items on a page if the request names none.</summary>
    public const int DefaultLimit = 50;

    /// <summary>The largest number of items on a page. A client that wants all items uses a stream.</summary>
    public const int MaxLimit = 500;

    // A message id fits into a header line, which has at most 998 characters.
    private const int MaxText = 1000;

    private static readonly ConcurrentDictionary<Type, string[]> _known = new();

    /// <summary>Refuses parameters that <typeparamref name="T"/> does not have. If a mistyped filter were ignored, the
    /// answer would show everything and look right.</summary>
    public static void RefuseUnknown<T>(HttpRequest request, InputErrors errors)
    {
        var known = _known.GetOrAdd(typeof(T), static type => [.. type.GetProperties()
            .Select(property => property.GetCustomAttribute<FromQueryAttribute>()?.Name).OfType<string>()]);
        foreach (var (name, values) in request.Query)
        {
            if (!known.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                errors.Add(Problems.Quote(name), $"is not known here. Known: {string.Join(", ", known)}.");
            }
            else if (values.Count > 1)
            {
                errors.Add(name, "is given more than once, takes one value.");
            }
        }
    }

    /// <summary>A time in RFC 3339, or a date, which means its beginning in UTC.</summary>
    public static DateTimeOffset? Time(string name, string? text, InputErrors errors)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (DateTimeOffset.TryParseExact(
            text, _timeFormats, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            && time.Year is >= 1970 and < 9000)
        {
            return time;
        }

        // '+' in a query string means a space. This is the most frequent mistake here.
        errors.Add(name, $"got {Problems.Quote(text)}, takes RFC 3339 such as 2026-11-21T09:30:00Z, or a date such "
            + "as 2026-11-21 (UTC). In a URL, + is written %2B.");
        return null;
    }

    /// <summary>Checks that the range ends after its beginning.</summary>
    public static void Range(DateTimeOffset? from, DateTimeOffset? to, InputErrors errors)
    {
        if (from >= to)
        {
            errors.Add("from", "is not before to; from is the first moment of the range, to the first one after it.");
        }
    }

    /// <summary>The position at which a page begins in a list that is sorted by id; <see langword="null"/> for the
    /// beginning of the list.</summary>
    /// <param name="text">The cursor.</param>
    /// <param name="read">Reads the cursors of this list.</param>
    /// <param name="errors">Receives an error if the text is no cursor of this list.</param>
    public static Guid? After(string? text, ReadIdCursor read, InputErrors errors)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (!read(text, out var id))
        {
            errors.Add("after", Cursor.Wrong);
        }

        return id;
    }

    /// <summary>The number of items on a page.</summary>
    public static int Limit(string? text, InputErrors errors, int @default = DefaultLimit, int max = MaxLimit)
    {
        if (string.IsNullOrEmpty(text))
        {
            return @default;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
            && limit >= 1 && limit <= max)
        {
            return limit;
        }

        errors.Add("limit", $"got {Problems.Quote(text)}, takes a number from 1 to {max}.");
        return @default;
    }

    /// <summary>A text to search for; <see langword="null"/> if none is given.</summary>
    public static string? Text(string name, string? text, InputErrors errors)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        if (text.Length <= MaxText && !text.Any(char.IsControl))
        {
            return text;
        }

        errors.Add(name, $"takes at most {MaxText} characters, none of them control characters.");
        return null;
    }

    /// <summary>One of several words, in upper or lower case.</summary>
    public static T Choice<T>(
        string name, string? text, T @default, IReadOnlyList<(string Word, T Value)> choices, InputErrors errors)
    {
        if (string.IsNullOrEmpty(text))
        {
            return @default;
        }

        foreach (var (word, value) in choices)
        {
            if (word.Equals(text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        errors.Add(name, $"got {Problems.Quote(text)}, takes one of "
            + $"{string.Join(", ", choices.Select(choice => choice.Word))}.");
        return @default;
    }

    /// <summary>Some of several words, separated by commas; <see langword="null"/> if none is given.</summary>
    public static T[]? Choices<T>(
        string name, string? text, IReadOnlyList<(string Word, T Value)> choices, InputErrors errors) =>
        string.IsNullOrEmpty(text)
            ? null
            : [.. text.Split(',', StringSplitOptions.TrimEntries)
                .Select(word => Choice(name, word, choices[0].Value, choices, errors)).Distinct()];

    /// <summary>The words of an enumeration in the API.</summary>
    public static IReadOnlyList<(string Word, T Value)> Words<T>()
        where T : struct, Enum =>
        [.. Enum.GetValues<T>().Select(value => (Word(value), value))];

    /// <summary>The word of an enumeration's value, camelCase.</summary>
    public static string Word<T>(T value)
        where T : struct, Enum =>
        System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    private static readonly string[] _timeFormats =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK",
        "yyyy-MM-dd'T'HH:mm:ssK",
        "yyyy-MM-dd'T'HH:mmK",
        "yyyy-MM-dd",
    ];
}
