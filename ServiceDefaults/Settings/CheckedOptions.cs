using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.ServiceDefaults.Settings;

/// <summary>
/// The product's own settings: one sealed class per section under <c>Tracking</c>, whose properties have defaults and
/// data annotations. Everything is validated before the process starts. A value of the wrong form or out of range, an
/// unknown key and an unknown section each stop the start with one line.
/// </summary>
public static class CheckedOptions
{
    /// <summary>The root of all own settings.</summary>
    public const string Root = "Tracking";

    /// <summary>
    /// Adds <typeparamref name="T"/>, bound from <c>Tracking:section</c>; services read it as <c>IOptions&lt;T&gt;</c>.
    /// Adding the same class again changes nothing, so several services can add a shared class.
    /// </summary>
    /// <param name="builder">The host being built.</param>
    /// <param name="section">The section's name, or empty for keys directly under <c>Tracking</c>.</param>
    public static IHostApplicationBuilder AddTrackingOptions<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(
        this IHostApplicationBuilder builder, string section)
        where T : class
    {
        builder.AddAllSettings();
        var known = new KnownSetting(section, typeof(T));
        var added = builder.Services.KnownSettings();
        if (added.Contains(known))
        {
            return builder;
        }

        if (section.Length > 0
            && added.Find(other => other.Section.Equals(section, StringComparison.OrdinalIgnoreCase)) is { } taken)
        {
            throw new InvalidOperationException(
                $"{Root}:{section} is {taken.Type}'s; {typeof(T)} cannot have it too.");
        }

        var binding = new Binding<T>(SectionOf(builder.Configuration, section));
        builder.Services.AddSingleton(known);
        builder.Services.AddSingleton<IConfigureOptions<T>>(binding);
        builder.Services.AddSingleton<IValidateOptions<T>>(binding);
        builder.Services.AddOptions<T>().ValidateOnStart();
        return builder;
    }

    /// <summary>Reads a section at once, for settings that are needed while the host is being built.</summary>
    /// <exception cref="StartUpException">A setting is wrong or unknown.</exception>
    public static T ReadTrackingOptions<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(
        this IConfiguration configuration, string section)
        where T : class, new()
    {
        var binding = new Binding<T>(SectionOf(configuration, section));
        var options = new T();
        binding.Configure(options);
        var result = binding.Validate(null, options);
        return result.Failed ? throw new StartUpException(result.FailureMessage) : options;
    }

    /// <summary>Checks all settings added so far, for work that must not begin with wrong settings.</summary>
    /// <exception cref="StartUpException">Settings are wrong or unknown. The message names all of them.</exception>
    public static void CheckSettings(this IHostApplicationBuilder builder)
    {
        var known = builder.Services.KnownSettings();
        var failures = KnownSettings
            .Failures(builder.Configuration, known, builder.Services.Instances<SettingCheck>())
            .ToList();
        foreach (var setting in known)
        {
            failures.AddRange(Failures(SectionOf(builder.Configuration, setting.Section), setting.Type));
        }

        if (failures.Count > 0)
        {
            throw new StartUpException(string.Join("; ", failures));
        }
    }

    private static IEnumerable<string> Failures(IConfigurationSection section, Type type)
    {
        var failures = FormFailures(section, type).ToList();
        if (failures.Count > 0)
        {
            return failures;
        }

        var options = Activator.CreateInstance(type)!;
        section.Bind(options);
        return SettingRanges.Failures(section, options);
    }

    private static IEnumerable<string> FormFailures(IConfigurationSection section, Type type) =>
        SettingForms.Failures(
            section, type, allowUnknown: section.Path.Equals(Root, StringComparison.OrdinalIgnoreCase));

    private static IConfigurationSection SectionOf(IConfiguration configuration, string section) =>
        configuration.GetSection(section.Length == 0 ? Root : $"{Root}:{section}");

    /// <summary>Binds only values of the right form, so every failure is reported in our words, and none as an
    /// exception.</summary>
    private sealed class Binding<T>(IConfigurationSection section) : IConfigureOptions<T>, IValidateOptions<T>
        where T : class
    {
        public void Configure(T options)
        {
            if (!FormFailures(section, typeof(T)).Any())
            {
                section.Bind(options);
            }
        }

        public ValidateOptionsResult Validate(string? name, T options)
        {
            var failures = FormFailures(section, typeof(T)).ToList();
            if (failures.Count == 0)
            {
                failures.AddRange(SettingRanges.Failures(section, options));
            }

            return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
        }
    }
}
