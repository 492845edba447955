using System.Globalization;
using System.Text;
using KlingPS.Core.Files;

namespace KlingPS.Core.Ledger.Postgres;

/// <summary>The password file of PostgreSQL's own tools: lines of <c>host:port:database:user:password</c>, where an asterisk stands for anything.</summary>
internal static class PasswordFile
{
    private const int MaxLength = 1 << 20;
    private const int Fields = 5;

    /// <summary>Finds the password for an address.</summary>
    /// <returns><see langword="null"/> if there is no file, or no password in it.</returns>
    /// <exception cref="KlingException"><see cref="ErrorKind.LedgerUnusable"/>: others can read the file, or it cannot be read although it was named.</exception>
    public static LedgerPassword? Find(ServerAddress address, string user, Func<string, string?> environment)
    {
        bool isNamed = address.PasswordFile is not null || environment("PGPASSFILE") is { Length: > 0 };
        string file = address.PasswordFile ?? (environment("PGPASSFILE") is { Length: > 0 } named ? named : Locate());
        string content;
        try
        {
            if (FileFacts.Of(file) is null && !isNamed)
            {
                return null;
            }

            using FileStream stream = OrdinaryFile.Open(file);
            if (FilePrivacy.FindOthers(stream, file) is string others)
            {
                throw new KlingException(ErrorKind.LedgerUnusable, $"The password file '{file}' {others}. Until then no password is read from it, and without the ledger nothing is bought.");
            }

            content = Encoding.UTF8.GetString(OrdinaryFile.ReadAllBytes(file, MaxLength));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KlingException(ErrorKind.LedgerUnusable, $"The password file '{file}' cannot be read: {e.Message.TrimEnd('.')}. Correct PGPASSFILE or passfile, or take it out.", e);
        }

        return address.Hosts.Select(host => Find(content, host, address.Database, user)).FirstOrDefault(password => password is not null);
    }

    /// <summary>Finds the password in the text of a file. The first matching line counts.</summary>
    internal static LedgerPassword? Find(string content, ServerHost host, string database, string user)
    {
        // libpq uses this name for the sockets of this machine, too.
        string[] wanted =
        [
            host.IsSocket && host.Name.TrimEnd('/') is "/var/run/postgresql" or "/tmp" ? "localhost" : host.Name,
            (host.Port ?? ServerAddress.DefaultPort).ToString(CultureInfo.InvariantCulture), database, user,
        ];
        foreach (string line in content.Split('\n'))
        {
            List<string> fields = line.StartsWith('#') ? [] : Split(line.TrimEnd('\r'));
            if (fields.Count >= Fields && fields.Take(Fields - 1).Zip(wanted).All(pair => pair.First == "*" || Unescape(pair.First) == pair.Second))
            {
                return new LedgerPassword(Unescape(fields[Fields - 1]));
            }
        }

        return null;
    }

    private static string Locate() => OperatingSystem.IsWindows()
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "postgresql", "pgpass.conf")
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".pgpass");

    /// <summary>The fields as written: a colon after a backslash is part of a field.</summary>
    private static List<string> Split(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] == ':')
            {
                fields.Add(field.ToString());
                field.Clear();
                continue;
            }

            field.Append(line[i]);
            if (line[i] == '\\' && i + 1 < line.Length)
            {
                field.Append(line[++i]);
            }
        }

        fields.Add(field.ToString());
        return fields;
    }

    private static string Unescape(string field)
    {
        var text = new StringBuilder();
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 1 < field.Length)
            {
                i++;
            }

            text.Append(field[i]);
        }

        return text.ToString();
    }
}
