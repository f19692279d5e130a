package devstack

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// What docker-compose.yml tells the server's image is told to the server here, but
// for where things are.
func TestTheTemporalServerIsConfiguredAsInCompose(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docker-compose.yml")
	require.NoError(t, err)
	var compose struct {
		Services struct {
			Temporal struct{ Environment map[string]string }
			Schema   struct{ Environment map[string]string } `yaml:"temporal-schema"`
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &compose))
	root, err := moduleRoot()
	require.NoError(t, err)
	postgres := &Postgres{config: PostgresConfig{Password: "red velvet"}, port: 5432}
	server := &TemporalServer{config: TemporalServerConfig{Postgres: postgres}}
	require.NoError(t, server.configure(root))

	ownWay := []string{"BIND_ON_IP", "DYNAMIC_CONFIG_FILE_PATH", "POSTGRES_PWD", "POSTGRES_SEEDS", "SQL_HOST", "SQL_PASSWORD"}
	for env, told := range map[string]map[string]string{"server": compose.Services.Temporal.Environment, "schema": compose.Services.Schema.Environment} {
		has := map[string][]string{"server": server.env, "schema": postgres.schemaEnv(t.TempDir())}[env]
		require.NotEmpty(t, told)
		for name, value := range told {
			if !slices.Contains(ownWay, name) {
				require.Contains(t, has, name+"="+value)
			}
		}
	}
	require.Contains(t, server.env, "DYNAMIC_CONFIG_FILE_PATH="+root+"/deploy/temporal/dynamicconfig.yaml")
}
