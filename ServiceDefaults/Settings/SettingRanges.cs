using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Tracking.ServiceDefaults.Settings;

/// <summary>Checks bound options against their data annotations, and describes valid values.</summary>
internal static class SettingRanges
{
    /// <summary>One line per property whose value violates its annotations.</summary>
    public static IEnumerable<string> Failures(IConfigurationSection section, object options)
    {
        foreach (var property in SettingForms.Settable(options.GetType()))
        {
            var value = property.GetValue(options);
            var path = $"{section.Path}:{property.Name}";
            var context = new ValidationContext(options) { MemberName = property.Name, DisplayName = property.Name };
            var refusing = property.GetCustomAttributes<ValidationAttribute>()
                .FirstOrDefault(annotation => annotation.GetValidationResult(value, context) is not null);
            if (refusing is not null)
            {
                var got = refusing is RequiredAttribute
                    ? "missing"
                    : $"got {SettingForms.Shown(property, Got(section, property, value))}";
                var takes = Takes(property, property.PropertyType);
                yield return $"{SettingForms.Variable(path)}: {got}, takes {takes}";
            }
            else if (value is not null && !SettingForms.IsScalar(property.PropertyType)
                && SettingForms.ElementType(property.PropertyType) is null)
            {
                foreach (var failure in Failures(section.GetSection(property.Name), value))
                {
                    yield return failure;
                }
            }
            else if (value is IList list && SettingForms.ElementType(property.PropertyType) is { } element
                && !SettingForms.IsScalar(element))
            {
                // The binder adds the elements in the order of the children.
                var children = section.GetSection(property.Name).GetChildren();
                foreach (var failure in children.Zip(list.Cast<object>(), Failures).SelectMany(each => each))
                {
                    yield return failure;
                }
            }
        }

        foreach (var failure in OwnFailures(section, options))
        {
            yield return failure;
        }
    }

    /// <summary>The description of valid values, to follow the word "takes".</summary>
    public static string Takes(PropertyInfo property, Type type)
    {
        // The annotations of a list describe the whole property, and not its elements.
        var annotations = type == property.PropertyType
            ? property.GetCustomAttributes<ValidationAttribute>().ToList()
            : [];
        // An annotation's own message, if its author wrote one, is the best description.
        return annotations.Select(annotation => annotation.ErrorMessage).FirstOrDefault(text => text is not null)
            ?? Form(Nullable.GetUnderlyingType(type) ?? type) + string.Concat(annotations.Select(Limits));
    }

    private static string Form(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(TimeSpan) ? "a duration as hh:mm:ss or d.hh:mm:ss"
        : type.IsEnum ? "one of " + string.Join(", ", Enum.GetNames(type).Select(JsonName))
        : type == typeof(Uri) ? "a URL"
        : type == typeof(string) ? "text"
        : type == typeof(Guid) ? "a UUID"
        : IsWhole(type) ? "a whole number"
        : type == typeof(double) || type == typeof(float) || type == typeof(decimal) ? "a number"
        : SettingForms.ElementType(type) is { } element ? $"a list, each {Form(element)}"
        : $"a value of the form {type.Name}";

    private static string Limits(ValidationAttribute annotation) => annotation switch
    {
        RangeAttribute range => string.Create(
            CultureInfo.InvariantCulture, $" from {range.Minimum} to {range.Maximum}"),
        StringLengthAttribute length => $" of {length.MinimumLength} to {length.MaximumLength} characters",
        LengthAttribute length => $" of {length.MinimumLength} to {length.MaximumLength}",
        MinLengthAttribute length => $" of at least {length.Length}",
        MaxLengthAttribute length => $" of at most {length.Length}",
        RegularExpressionAttribute pattern => $" matching {pattern.Pattern}",
        UrlAttribute => " that is a URL",
        AllowedValuesAttribute allowed => " out of " + string.Join(", ", allowed.Values),
        _ => "",
    };

    /// <summary>The configured text, so that the operator recognises it; without one, the text of the
    /// default.</summary>
    private static object? Got(IConfigurationSection section, PropertyInfo property, object? value) =>
        section[property.Name] ?? value;

    private static IEnumerable<string> OwnFailures(IConfigurationSection section, object options) =>
        options is not IValidatableObject own
            ? []
            : own.Validate(new ValidationContext(options)).Select(result =>
                string.Join(", ", result.MemberNames.DefaultIfEmpty(null).Select(member => SettingForms.Variable(
                    member is null ? section.Path : $"{section.Path}:{member}"))) + $": {result.ErrorMessage}");

    private static bool IsWhole(Type type) =>
        type.GetInterfaces().Any(face =>
            face.IsGenericType && face.GetGenericTypeDefinition() == typeof(System.Numerics.IBinaryInteger<>));

    private static string JsonName(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}
