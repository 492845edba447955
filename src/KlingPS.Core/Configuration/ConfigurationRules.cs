using System.Text.Json;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Model;
using KlingPS.Core.Network;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Configuration;

/// <summary>What each field of the configuration may hold. The rules are the same for the file and for values to be written to it.</summary>
internal static class ConfigurationRules
{
    /// <summary>How much of an unknown name is shown, in characters.</summary>
    private const int MaxShown = 60;

    /// <summary>A refused value is not repeated in the message: it may be a password or a key in the wrong place.</summary>
    private static readonly Dictionary<string, Func<JsonElement, string?>> s_rules = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(ConfigurationValues.SecretName)] = Text(NameProblem),
        [nameof(ConfigurationValues.Vault)] = Text(text => SecretForms.IsKey(text) ? "looks like a key itself. Give the name of the vault" : null),
        [nameof(ConfigurationValues.Endpoint)] = Text(EndpointProblem),
        [nameof(ConfigurationValues.UploadEndpoint)] = Text(EndpointProblem),
        [nameof(ConfigurationValues.Proxy)] = Text(text => Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && ProxyRoute.IsProxy(uri) ? null : ProxyRoute.Rule),
        [nameof(ConfigurationValues.Ledger)] = Text(LedgerProblem),
        [ConfigurationFile.FormerLedger] = Text(LedgerProblem),
        [nameof(ConfigurationValues.LedgerSecretName)] = Text(NameProblem),
        [nameof(ConfigurationValues.DailyCreditCap)] = Number(0, (double)decimal.MaxValue, "has to be a number of credits, 0 or more"),
        [nameof(ConfigurationValues.DefaultDestination)] = Text(PathProblem),
        [nameof(ConfigurationValues.LogPath)] = Text(PathProblem),
        [nameof(ConfigurationValues.ReportPath)] = Text(PathProblem),
        [nameof(ConfigurationValues.PollingInterval)] = Number(0.1, 3600, "has to be a number of seconds from 0.1 to 3600"),
        [nameof(ConfigurationValues.RequestTimeout)] = Number(20, 3600, "has to be a number of seconds from 20 to 3600"),
    };

    /// <summary>Whether a name is that of a setting or of a remark. A name that begins with a dollar sign, an underscore, a slash or a number sign is a remark.</summary>
    public static bool IsKnown(string name) => s_rules.ContainsKey(name) || name is ['$' or '_' or '/' or '#', ..];

    /// <summary>What users should know about names that are not settings: a cap with a misspelt name caps nothing.</summary>
    /// <param name="path">The configuration file.</param>
    /// <param name="names">The names, at least one.</param>
    public static string DescribeUnknown(string path, IEnumerable<string> names)
    {
        IEnumerable<string> clauses = names.Select(name => FindNearest(name) is string known
            ? $"'{VisibleText.InLine(ReceivedText.Cut(name, MaxShown))}' (did you mean {known}?)"
            : $"'{VisibleText.InLine(ReceivedText.Cut(name, MaxShown))}'");
        return $"The configuration '{path}' has names that are not settings and have no effect: {string.Join(", ", clauses)}.";
    }

    /// <summary>The setting whose name is most like this one; <see langword="null"/> if none is similar enough.</summary>
    private static string? FindNearest(string name)
        => name.Length > MaxShown ? null : NearName.Find(name, s_rules.Keys.Where(known => known != ConfigurationFile.FormerLedger));

    /// <summary>What is wrong with a field, in words that follow its name; <see langword="null"/> when nothing is.</summary>
    /// <param name="name">The field; unknown ones may hold anything but a secret.</param>
    /// <param name="value">Its value. JSON null means that it is not set.</param>
    public static string? FindProblem(string name, JsonElement value)
        => s_rules.TryGetValue(name, out Func<JsonElement, string?>? rule)
            ? value.ValueKind == JsonValueKind.Null ? null : rule(value)
            : HoldsSecret(name, value) ? "has no place here, because this file never holds a secret. Delete it, and store a key with Set-KlingApiKey"
            : null;

    /// <summary>Whether an unknown field holds a secret, judging by its name, the name of anything within it, or what a text looks like.</summary>
    private static bool HoldsSecret(string name, JsonElement value)
        => (!name.EndsWith(nameof(ConfigurationValues.SecretName), StringComparison.OrdinalIgnoreCase) && SecretForms.IsNameOfSecret(name))
            || value.ValueKind switch
            {
                JsonValueKind.Object => value.EnumerateObject().Any(property => HoldsSecret(property.Name, property.Value)),
                JsonValueKind.Array => value.EnumerateArray().Any(item => HoldsSecret(string.Empty, item)),
                JsonValueKind.String => value.GetString() is string text && (SecretForms.IsKey(text) || AddressPolicy.HasUser(text)),
                _ => false,
            };

    private static string? NameProblem(string text)
        => SecretForms.IsKey(text) ? "looks like a key itself. Give the name that the key is stored under; Set-KlingApiKey stores it" : null;

    private static Func<JsonElement, string?> Text(Func<string, string?> rule) => value =>
        value.ValueKind != JsonValueKind.String || string.IsNullOrWhiteSpace(value.GetString())
            ? "has to be a text in quotes that is not empty"
            : rule(value.GetString()!);

    private static Func<JsonElement, string?> Number(double least, double most, string problem) => value =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out decimal number) && (double)number >= least && (double)number <= most ? null : problem;

    private static string? PathProblem(string path)
        => !Path.IsPathFullyQualified(path) ? "has to be a full path: a relative one would mean another place in every folder"
            : path.Contains('\0', StringComparison.Ordinal) ? "holds a zero character, which no path has"
            : null;

    /// <summary>A password is refused before anything else: if there is one, that is what the user has to know.</summary>
    private static string? LedgerProblem(string text)
    {
        string? problem = LedgerAddress.TryParse(text, out LedgerAddress? address);
        return address is ServerAddress { Password: not null }
            ? "holds a password, and this file never holds one. Take it out of the address, and keep it in a secret (LedgerSecretName), in PGPASSWORD or in a password file (PGPASSFILE)"
            : problem is null ? null
            : LedgerAddress.IsOfServer(text) ? problem
            : PathProblem(text);
    }

    private static string? EndpointProblem(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri))
        {
            return "has to be an absolute address, such as https://api.kie.ai/";
        }

        return KlingEndpoints.FindProblem(uri) is string problem ? "is refused: " + problem.TrimEnd('.') : null;
    }
}
