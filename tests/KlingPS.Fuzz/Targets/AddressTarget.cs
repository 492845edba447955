using System.Text;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;

namespace KlingPS.Fuzz.Targets;

/// <summary>The address of a ledger, as the environment or the configuration has it: a path, a URL or a connection string.</summary>
internal sealed class AddressTarget : FuzzTarget
{
    public override string Name => "addresses";

    public override Task ReadAsync(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        if (LedgerAddress.TryParse(text, out LedgerAddress? address) is null && address is ServerAddress server)
        {
            if (server.Password is { Text.Length: > 5 } password && (server.Shown.Contains(password.Text, StringComparison.Ordinal) || server.ToString().Contains(password.Text, StringComparison.Ordinal)))
            {
                // A name can be the password, too, and so can a piece of the hosts; it is shown where it was given as that.
                string names = string.Join(',', server.Hosts.Select(host => $"[{host.Name}]:{host.Port}")) + server.Database + server.User + server.Schema + server.RootCertificate + server.Certificate + server.CertificateKey + server.PasswordFile;
                if (!names.Contains(password.Text, StringComparison.Ordinal))
                {
                    throw new BrokenPromiseException("The password is shown.");
                }
            }

            string? problem = LedgerAddress.TryParse(server.Shown, out LedgerAddress? again);
            if (problem is not null || again != server with { Password = null })
            {
                throw new BrokenPromiseException($"What is shown of an address is another one: {problem ?? $"{again}"}");
            }
        }

        return Task.CompletedTask;
    }
}
