using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tracking.ServiceDefaults.Settings;

/// <summary>A section under <c>Tracking</c> that a service in this process reads.</summary>
/// <param name="Section">The section's name; empty for the root itself.</param>
/// <param name="Type">The options class.</param>
internal sealed record KnownSetting(string Section, Type Type)
{
    public IEnumerable<string> RootKeys =>
        Section.Length > 0 ? [Section] : SettingForms.Settable(Type).Select(property => property.Name);
}

/// <summary>A check of settings without an options class: a connection string, variables of a library.</summary>
/// <param name="Failures">Returns one line for each wrong setting.</param>
internal sealed record SettingCheck(Func<IConfiguration, IEnumerable<string>> Failures);

/// <summary>The options type that carries the checks besides those of the options classes; it has no
/// properties.</summary>
internal sealed class AllSettings;

/// <summary>
/// Runs every <see cref="SettingCheck"/>, and refuses sections and keys under <c>Tracking</c> that no service reads.
/// Most of them are typing errors.
/// </summary>
internal sealed class KnownSettings(
    IConfiguration configuration, IEnumerable<KnownSetting> known, IEnumerable<SettingCheck> checks)
    : IValidateOptions<AllSettings>
{
    public ValidateOptionsResult Validate(string? name, AllSettings options)
    {
        var failures = Failures(configuration, known, checks).ToList();
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    public static IEnumerable<string> Failures(
        IConfiguration configuration, IEnumerable<KnownSetting> known, IEnumerable<SettingCheck> checks) =>
        [.. Unknown(configuration, known), .. checks.SelectMany(check => check.Failures(configuration))];

    private static IEnumerable<string> Unknown(IConfiguration configuration, IEnumerable<KnownSetting> known)
    {
        var names = known.SelectMany(setting => setting.RootKeys)
            .Distinct(StringComparer.OrdinalIgnoreCase)
            .Order(StringComparer.Ordinal)
            .ToList();
        return configuration.GetSection(CheckedOptions.Root).GetChildren()
            .Where(child => !names.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            .SelectMany(SettingForms.Leaves)
            .Select(leaf => $"{SettingForms.Variable(leaf.Path)}: unknown setting; "
                + $"known under {CheckedOptions.Root} are {string.Join(", ", names)}");
    }
}

/// <summary>Registers checks.</summary>
public static class SettingChecks
{
    /// <summary>Adds a check of settings without an options class. It runs with all other checks before the process
    /// starts.</summary>
    /// <param name="builder">The host being built.</param>
    /// <param name="failures">Returns one line for each wrong setting: <c>NAME: got …, takes …</c>.</param>
    public static IHostApplicationBuilder AddSettingCheck(
        this IHostApplicationBuilder builder, Func<IConfiguration, IEnumerable<string>> failures)
    {
        builder.AddAllSettings();
        builder.Services.AddSingleton(new SettingCheck(failures));
        return builder;
    }

    internal static List<KnownSetting> KnownSettings(this IServiceCollection services) =>
        services.Instances<KnownSetting>();

    internal static List<T> Instances<T>(this IServiceCollection services) =>
        [.. services
            .Where(service => !service.IsKeyedService)
            .Select(service => service.ImplementationInstance)
            .OfType<T>()];

    /// <summary>Validates <see cref="AllSettings"/> at start. A second call changes nothing.</summary>
    internal static void AddAllSettings(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service =>
            !service.IsKeyedService && service.ImplementationType == typeof(KnownSettings)))
        {
            return;
        }

        builder.Services.AddSingleton<IValidateOptions<AllSettings>, KnownSettings>();
        builder.Services.AddOptions<AllSettings>().ValidateOnStart();
    }
}
