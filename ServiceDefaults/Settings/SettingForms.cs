using System.Collections;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Tracking.ServiceDefaults.Settings;

/// <summary>Compares the configuration with the form of an options class, before binding.</summary>
internal static class SettingForms
{
    /// <summary>One line per key that is unknown or whose value cannot be converted.</summary>
    public static IEnumerable<string> Failures(IConfigurationSection section, Type type, bool allowUnknown = false)
    {
        if (section.Value is { Length: > 0 } value)
        {
            yield return $"{Variable(section.Path)}: got \"{value}\", takes settings of its own: {Names(type)}";
        }

        var properties = Settable(type).ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (properties.TryGetValue(child.Key, out var property))
            {
                foreach (var failure in ValueFailures(child, property, property.PropertyType))
                {
                    yield return failure;
                }
            }
            else if (!allowUnknown)
            {
                foreach (var leaf in Leaves(child))
                {
                    yield return $"{Variable(leaf.Path)}: unknown setting; known are {Names(type)}";
                }
            }
        }
    }

    /// <summary>The properties that configuration can set.</summary>
    public static IEnumerable<PropertyInfo> Settable(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.GetIndexParameters().Length == 0
                && (property.SetMethod is { IsPublic: true } || ElementType(property.PropertyType) is not null));

    /// <summary>The environment variable of a configuration path.</summary>
    public static string Variable(string path) => path.Replace(":", "__", StringComparison.Ordinal);

    /// <summary>The keys with values at or below <paramref name="section"/>.</summary>
    public static IEnumerable<IConfigurationSection> Leaves(IConfigurationSection section)
    {
        var children = section.GetChildren().ToList();
        return children.Count == 0 ? [section] : children.SelectMany(Leaves);
    }

    /// <summary>The value in the form for messages; a secret is never shown.</summary>
    public static string Shown(PropertyInfo property, object? value) =>
        property.GetCustomAttribute<DataTypeAttribute>()?.DataType == DataType.Password
            ? "***"
            : string.Create(CultureInfo.InvariantCulture, $"\"{value}\"");

    /// <summary>Whether a property of this type is one string in the configuration.</summary>
    public static bool IsScalar(Type type) => TypeDescriptor.GetConverter(type).CanConvertFrom(typeof(string));

    /// <summary>The element type of a list or dictionary; <see langword="null"/> for every other type.</summary>
    public static Type? ElementType(Type type) =>
        type == typeof(string) || !typeof(IEnumerable).IsAssignableFrom(type) ? null
        : type.IsArray ? type.GetElementType()
        : type.IsGenericType ? type.GetGenericArguments()[^1]
        : null;

    private static IEnumerable<string> ValueFailures(IConfigurationSection setting, PropertyInfo property, Type type)
    {
        if (IsScalar(type))
        {
            return ScalarFailures(setting, property, type);
        }

        if (ElementType(type) is { } element)
        {
            return setting.Value is { Length: > 0 }
                ? [$"{Variable(setting.Path)}: got {Shown(property, setting.Value)}, takes a list: "
                    + $"{Variable(setting.Path)}__0, {Variable(setting.Path)}__1 and so on"]
                : setting.GetChildren().SelectMany(child => ValueFailures(child, property, element));
        }

        return Failures(setting, type);
    }

    private static IEnumerable<string> ScalarFailures(IConfigurationSection setting, PropertyInfo property, Type type)
    {
        foreach (var leaf in Leaves(setting).Where(leaf => leaf.Path != setting.Path))
        {
            yield return $"{Variable(leaf.Path)}: unknown setting; {Variable(setting.Path)} is a single value";
        }

        if (setting.Value is { } value && !Converts(value, type))
        {
            yield return $"{Variable(setting.Path)}: got {Shown(property, value)}, "
                + $"takes {SettingRanges.Takes(property, type)}";
        }
    }

    private static bool Converts(string value, Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        // For TimeSpan "30" means thirty days, while its author means thirty seconds. So it is refused.
        if (type == typeof(TimeSpan) && !value.Contains(':', StringComparison.Ordinal))
        {
            return false;
        }

        if (type.IsEnum)
        {
            return Enum.GetNames(type).Contains(value, StringComparer.OrdinalIgnoreCase);
        }

        // Converters throw exceptions of any type. TypeConverter.IsValid catches them.
        return TypeDescriptor.GetConverter(type).IsValid(value);
    }

    private static string Names(Type type) =>
        string.Join(", ", Settable(type).Select(property => property.Name).Order(StringComparer.Ordinal));
}
