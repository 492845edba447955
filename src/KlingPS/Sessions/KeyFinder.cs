using System.Net;
using System.Security;
using KlingPS.Core;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Secrets;
using KlingPS.Hosting;

namespace KlingPS.Sessions;

/// <summary>Looks for the API key if none was given: in the secret store, then in the environment, then in the file that the environment names.</summary>
internal sealed class KeyFinder
{
    private readonly CommandRunner _commands;
    private readonly ICommandStreams _streams;

    /// <summary>Creates the finder.</summary>
    /// <param name="commands">Runs the commands of the secret store.</param>
    /// <param name="streams">Gets a message about where the key was found.</param>
    public KeyFinder(CommandRunner commands, ICommandStreams streams)
    {
        _commands = commands;
        _streams = streams;
    }

    /// <summary>Looks in the secret store, then in the environment, then in the file that the environment names.</summary>
    /// <param name="configuration">Names the secret and its vault.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.ApiKeyMissing"/>: there is no key, or it is not valid.</exception>
    public FoundKey Find(KlingConfiguration configuration)
    {
        (FoundKey? stored, string? problem) = ReadSecret(configuration);
        if (stored is not null)
        {
            return stored;
        }

        // A user who has named a secret expects it to be used.
        bool isNamed = configuration.IsSet(nameof(KlingConfiguration.SecretName)) || configuration.IsSet(nameof(KlingConfiguration.Vault));
        FoundKey found = ReadEnvironment(problem, isNamed);
        string text = $"The key is taken from the {found.Source.Text}. {problem}";
        if (isNamed)
        {
            _streams.WriteWarning(text);
        }
        else
        {
            _streams.WriteVerbose(text);
        }

        return found;
    }

    /// <summary>Looks only in the secret store.</summary>
    /// <inheritdoc cref="Find"/>
    public FoundKey FindSecret(KlingConfiguration configuration)
    {
        (FoundKey? stored, string? problem) = ReadSecret(configuration);
        return stored ?? throw new KlingException(ErrorKind.ApiKeyMissing, problem!);
    }

    /// <summary>The password of the ledger's database, if a secret is named for it and the address does not contain one.</summary>
    /// <param name="configuration">Names the ledger, the secret and its vault.</param>
    /// <returns><see langword="null"/> if none is named: then it is looked for in the way that PostgreSQL's own tools do.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: the secret cannot be read.</exception>
    public LedgerPassword? FindLedgerPassword(KlingConfiguration configuration)
    {
        if (configuration is not { LedgerAddress: ServerAddress { Password: null }, LedgerSecretName: string name })
        {
            return null;
        }

        SecretAnswer answer = new SecretStore(_commands, name, configuration.Vault, $"Set-Secret -Name '{name}' -Secret (Read-Host -AsSecureString)", "password").Read();
        using SecureString? secret = answer.Secret;
        return secret is null
            ? throw new KlingException(ErrorKind.LedgerUnusable, $"The password of the ledger '{configuration.Ledger}' could not be read. {answer.Problem} Without the ledger nothing is bought.")
            : new LedgerPassword(new NetworkCredential(string.Empty, secret).Password);
    }

    private (FoundKey? Found, string? Problem) ReadSecret(KlingConfiguration configuration)
    {
        (ApiKey? key, string? problem) = new SecretStore(_commands, configuration.SecretName, configuration.Vault).ReadApiKey();
        return key is null ? (null, problem) : (new FoundKey(key, KeySource.FromSecret(configuration.SecretName, configuration.Vault)), null);
    }

    private FoundKey ReadEnvironment(string? problem, bool isSecretNamed)
    {
        string? variable = OwnVariable.Read(KeySource.Variable, Environment.GetEnvironmentVariable, ErrorKind.ApiKeyMissing);
        if (OwnVariable.Read(KeyFile.Variable, Environment.GetEnvironmentVariable, ErrorKind.ApiKeyMissing) is string path)
        {
            if (variable is null)
            {
                var file = FileState.Of(path);
                return new FoundKey(KeyFile.Read(path), KeySource.FromFile(file));
            }

            _streams.WriteWarning($"{KeySource.Variable} and {KeyFile.Variable} are both set: the key is taken from {KeySource.Variable}, and the file '{path}' is not read. Set only one of them.");
        }

        if (variable is null)
        {
            const string Ways = "To try everything at no cost, without a key: Connect-KlingAccount -Sandbox. With a key, for this session: Connect-KlingAccount -ApiKey (Read-Host -AsSecureString)";
            string found = $"No API key was found: neither the environment variable {KeySource.Variable} nor {KeyFile.Variable} is set, and the secret store gave none.";
            throw new KlingException(
                ErrorKind.ApiKeyMissing,
                isSecretNamed ? $"{found} {problem} {Ways}." : $"{found} {Ways}; or set {KeySource.Variable}, or {KeyFile.Variable} to the path of a file that holds the key. To keep one for all sessions, a secret store is needed. {problem}")
            {
                // The message has all the ways already; this is the first error that most people see.
                Advice = "To try things out without a key, at no cost: Connect-KlingAccount -Sandbox. A key is made at https://kie.ai/api-key.",
            };
        }

        try
        {
            return new FoundKey(ApiKey.From(variable), KeySource.FromVariable);
        }
        catch (KlingException exception)
        {
            throw exception.WithMessage($"The {KeySource.FromVariable.Text} does not hold a valid key. {exception.Message}");
        }
    }
}
